import { useQuery, useQueryClient } from "@tanstack/react-query";
import type { UseQueryResult } from "@tanstack/react-query";
import { useEffect, useRef } from "react";

import type { Listing, Run } from "./client";
import { merged } from "./listing";
import type { Change } from "./listing";
import { importsQuery, isActive, live, runLogQuery, runQuery, runTimelineQuery } from "./queries";
import { useStream } from "./stream";

/** How long the last runs of the listing may be behind, which its stream does not carry, in milliseconds. */
const behind = 5000;
/** How often the listing is asked for although the stream is silent. */
const calm = 60_000;

/** useImports is the listing as it changes. */
export function useImports(): UseQueryResult<Listing[]> {
  const queries = useQueryClient();
  const { queryKey } = importsQuery;
  const later = useRef<ReturnType<typeof setTimeout>>(undefined);
  const connected = useStream("/v1/imports/events", (told) => {
    const shown = queries.getQueryData(queryKey);
    if (told.event !== "imports" || shown === undefined) return;
    const { items, missing } = merged(shown, JSON.parse(told.data) as Change);
    queries.setQueryData(queryKey, items);
    if (!missing || later.current !== undefined) return;
    later.current = setTimeout(() => {
      later.current = undefined;
      void queries.invalidateQueries({ queryKey });
    }, behind);
  });
  useEffect(() => () => clearTimeout(later.current), []);
  return useQuery({ ...importsQuery, refetchInterval: connected ? calm : live });
}

/** useRun is a run as it goes on. */
export function useRun(name: string): UseQueryResult<Run> {
  const queries = useQueryClient();
  const known = useQuery(runQuery(name)).data;
  const moves = known !== undefined && isActive(known.state);
  const connected = useStream(moves ? `/v1/runs/${encodeURIComponent(name)}/events` : undefined, (told) => {
    if (told.event !== "run" && told.event !== "end") return;
    queries.setQueryData(runQuery(name).queryKey, JSON.parse(told.data) as Run);
    if (told.event !== "end") return;
    void queries.invalidateQueries({ queryKey: runLogQuery(name, false).queryKey });
    void queries.invalidateQueries({ queryKey: runTimelineQuery(name, false).queryKey });
  });
  return useQuery({ ...runQuery(name), refetchInterval: known === undefined || (moves && !connected) ? live : false });
}
