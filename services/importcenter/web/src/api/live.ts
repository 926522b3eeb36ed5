import { useQuery, useQueryClient } from "@tanstack/react-query";
import type { UseQueryResult } from "@tanstack/react-query";
import { useCallback, useEffect, useRef, useState } from "react";

import type { Listing, Run } from "./client";
import { asTold, merged } from "./listing";
import type { Change } from "./listing";
import { importsQuery, isActive, live, runLogQuery, runQuery, runTimelineQuery } from "./queries";
import { useStream } from "./stream";

/** How long the last runs of the listing may be behind, which its stream does not carry, in milliseconds. */
const behind = 5000;
/** How often the listing is asked for although the stream is silent. */
const calm = 60_000;

/** useImports is the listing as it changes. While its stream is connected, what the stream says holds. */
export function useImports(): UseQueryResult<Listing[]> {
  const queries = useQueryClient();
  const { queryKey } = importsQuery;
  const [told, setTold] = useState<Listing[]>();
  const later = useRef<ReturnType<typeof setTimeout>>(undefined);
  const connected = useStream("/v1/imports/events", (event) => {
    if (event.event !== "imports") return;
    const change = JSON.parse(event.data) as Change;
    setTold((before) => merged(before ?? [], change).items);
    const shown = queries.getQueryData(queryKey);
    if (shown === undefined) return;
    const { items, missing } = merged(shown, change);
    queries.setQueryData(queryKey, items);
    if (!missing || later.current !== undefined) return;
    later.current = setTimeout(() => {
      later.current = undefined;
      void queries.invalidateQueries({ queryKey });
    }, behind);
  });
  useEffect(() => () => clearTimeout(later.current), []);
  useEffect(() => {
    if (!connected) setTold(undefined);
  }, [connected]);
  const select = useCallback((answer: Listing[]) => asTold(answer, told), [told]);
  return useQuery({ ...importsQuery, select, refetchInterval: connected ? calm : live });
}

/** useRun is a run as it goes on. */
export function useRun(name: string): UseQueryResult<Run> {
  const queries = useQueryClient();
  const { queryKey } = runQuery(name);
  const known = useQuery(runQuery(name)).data;
  const moves = known !== undefined && isActive(known.state);
  const connected = useStream(moves ? `/v1/runs/${encodeURIComponent(name)}/events` : undefined, (event) => {
    if (event.event !== "run" && event.event !== "end") return;
    // An answer that is on its way was worked out before this.
    void queries.cancelQueries({ queryKey }).then(() => queries.setQueryData(queryKey, JSON.parse(event.data) as Run));
    if (event.event !== "end") return;
    void queries.invalidateQueries({ queryKey: runLogQuery(name, false).queryKey });
    void queries.invalidateQueries({ queryKey: runTimelineQuery(name, false).queryKey });
  });
  return useQuery({ ...runQuery(name), refetchInterval: known === undefined || (moves && !connected) ? live : false });
}
