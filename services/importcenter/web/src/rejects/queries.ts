import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";

import { client, take, takeExact } from "../api/client";
import type { Schemas } from "../api/client";
import type { RejectSearch } from "./search";

/** groupsQuery counts what failed by code, column and shape of the value. Counts hold no personal data. */
export const groupsQuery = (name: string, search: RejectSearch) =>
  queryOptions({
    queryKey: ["reject counts", name, search],
    queryFn: () => take(client.GET("/v1/rejects/counts", { params: { query: { import: name, ...search } } })),
    placeholderData: keepPreviousData,
    refetchInterval: 5000,
  });

export type Order = "newest" | "oldest";

export const rejectsQuery = (name: string, search: RejectSearch, order: Order) =>
  infiniteQueryOptions({
    queryKey: ["rejects", name, search, order],
    queryFn: ({ pageParam }) => {
      const query = { import: name, ...search, order, pageSize: 50, ...(pageParam === "" ? {} : { pageToken: pageParam }) };
      return takeExact<Schemas["RejectsPage"]>(client.GET("/v1/rejects", { params: { query }, parseAs: "text" }));
    },
    initialPageParam: "",
    getNextPageParam: (p) => (p.nextPageToken === "" ? undefined : p.nextPageToken),
    staleTime: Infinity,
    structuralSharing: false,
  });
