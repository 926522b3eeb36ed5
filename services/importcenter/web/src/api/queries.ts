import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";

import { client, take } from "./client";
import type { Listing } from "./client";

/** How often figures that move are asked for, in milliseconds. */
export const live = 2000;

const active = new Set(["queued", "starting", "held", "extracting", "loading"]);

export function isActive(state: string): boolean {
  return active.has(state);
}

export const importsQuery = queryOptions({
  queryKey: ["imports"],
  queryFn: async (): Promise<Listing[]> => (await take(client.GET("/v1/imports", { params: { query: { recent: 10 } } }))).items,
});

export const importQuery = (name: string) =>
  queryOptions({
    queryKey: ["import", name],
    queryFn: () => take(client.GET("/v1/imports/{import}", { params: { path: { import: name } } })),
  });

export const runQuery = (run: string) =>
  queryOptions({
    queryKey: ["run", run],
    queryFn: () => take(client.GET("/v1/runs/{run}", { params: { path: { run } } })),
  });

export const runsQuery = (name: string) =>
  infiniteQueryOptions({
    queryKey: ["runs", name],
    queryFn: ({ pageParam }) =>
      take(client.GET("/v1/runs", { params: { query: { import: name, pageSize: 25, ...(pageParam === "" ? {} : { pageToken: pageParam }) } } })),
    initialPageParam: "",
    getNextPageParam: (page) => (page.nextPageToken === "" ? undefined : page.nextPageToken),
    refetchInterval: live,
  });

export const callerQuery = queryOptions({
  queryKey: ["caller"],
  queryFn: () => take(client.GET("/v1/caller")),
  staleTime: 60_000,
});

export const signInQuery = queryOptions({
  queryKey: ["sign-in"],
  queryFn: () => take(client.GET("/v1/sign-in")),
  staleTime: Infinity,
});

export const runLogQuery = (run: string, moves: boolean) =>
  queryOptions({
    queryKey: ["run log", run],
    queryFn: async () => (await take(client.GET("/v1/runs/{run}/log", { params: { path: { run } } }))).items,
    refetchInterval: moves ? live : false,
  });

export const runTimelineQuery = (run: string, moves: boolean) =>
  queryOptions({
    queryKey: ["run timeline", run],
    queryFn: () => take(client.GET("/v1/runs/{run}/timeline", { params: { path: { run } } })),
    refetchInterval: moves ? live : false,
  });

export const statsQuery = (name: string) =>
  queryOptions({ queryKey: ["stats", name], queryFn: () => take(client.GET("/v1/imports/{import}/stats", { params: { path: { import: name } } })), staleTime: 30_000 });

export const connectionsQuery = queryOptions({
  queryKey: ["connections"],
  queryFn: async () => (await take(client.GET("/v1/connections"))).items,
  staleTime: 60_000,
});

export const accountsQuery = queryOptions({
  queryKey: ["accounts"],
  queryFn: async () => (await take(client.GET("/v1/accounts"))).items,
  staleTime: 60_000,
});
