import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useDebouncedValue } from "@mantine/hooks";

import { ApiError } from "../api/client";
import type { Draft } from "./draft";
import { describe, preview } from "./requests";
import type { Sample } from "./requests";

const typing = 900;

/** Source is what decides the rows of a query. */
function sourceOf(d: Draft): string {
  const { connectionRef, query, table } = d.spec.source;
  return JSON.stringify([connectionRef, query ?? "", table ?? ""]);
}

export function hasSource(d: Draft): boolean {
  const { connectionRef, query = "", table = "" } = d.spec.source;
  return connectionRef !== "" && (query.trim() !== "" || table.trim() !== "");
}

export interface SampleView {
  /** Rows that a person has asked for; they stay in memory only. */
  sample: Sample | undefined;
  /** Columns of the query as it is now: of the rows, or of Snowflake's description. */
  described: Sample | undefined;
  describing: boolean;
  describeError: unknown;
  read: () => void;
  reading: boolean;
  readError: unknown;
}

/**
 * useSample has Snowflake describe the query while it is typed, which wakes no warehouse, and
 * reads rows when a person asks for them. Both belong to the query as it was: another text has
 * neither.
 */
export function useSample(d: Draft): SampleView {
  const queries = useQueryClient();
  const source = sourceOf(d);
  const [asked] = useDebouncedValue(source, typing);
  const key = ["sample", d.name, source];
  const rows = useQuery<Sample>({ queryKey: key, queryFn: () => preview(d), enabled: false, staleTime: Infinity, gcTime: 3_600_000, retry: false, structuralSharing: false });
  const description = useQuery({
    queryKey: ["describe", d.name, asked],
    queryFn: () => describe(withSource(d, asked)),
    enabled: asked === source && hasSource(d) && rows.data === undefined,
    staleTime: 300_000,
    refetchOnWindowFocus: false,
    retry: (n, error) => n < 1 && (!(error instanceof ApiError) || error.problem.status >= 500),
  });
  const read = useMutation({ mutationFn: () => preview(d), onSuccess: (s) => queries.setQueryData(key, s) });
  return {
    sample: rows.data,
    described: rows.data ?? (asked === source ? description.data : undefined),
    describing: description.isFetching,
    describeError: rows.data === undefined && asked === source ? description.error : null,
    read: () => read.mutate(),
    reading: read.isPending,
    readError: read.error,
  };
}

function withSource(d: Draft, source: string): Draft {
  const [connectionRef, query, table] = JSON.parse(source) as [string, string, string];
  return { ...d, spec: { ...d.spec, source: { ...d.spec.source, connectionRef, query, table } } };
}
