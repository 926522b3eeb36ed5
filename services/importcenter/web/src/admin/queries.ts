import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";

import { client, take } from "../api/client";
import type { Schemas } from "../api/client";

export const freezesQuery = queryOptions({ queryKey: ["freezes"], queryFn: async () => (await take(client.GET("/v1/freezes"))).items, refetchInterval: 5000 });

export const keysQuery = queryOptions({ queryKey: ["keys"], queryFn: async () => (await take(client.GET("/v1/keys"))).items });

export const deploymentQuery = queryOptions({ queryKey: ["deployment"], queryFn: () => take(client.GET("/v1/deployment")), staleTime: 0, retry: false });

export const auditQuery = (since: string, actor: string, name: string) =>
  infiniteQueryOptions({
    queryKey: ["audit", since, actor, name],
    queryFn: async ({ pageParam }) => {
      const query = { pageSize: 100, ...(since === "" ? {} : { since }), ...(actor === "" ? {} : { actor }), ...(name === "" ? {} : { name }), ...(pageParam === "" ? {} : { pageToken: pageParam }) };
      // The same address gives NDJSON to whoever asks for it.
      return (await take(client.GET("/v1/audit", { params: { query } }))) as Schemas["AuditPage"];
    },
    initialPageParam: "",
    getNextPageParam: (page) => (page.nextPageToken === "" ? undefined : page.nextPageToken),
  });
