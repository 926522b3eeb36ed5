import { Button, Group, Stack, Text, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useCallback, useMemo, useRef, useState } from "react";
import type { ReactNode } from "react";

import { Press } from "../app/Press";
import { ProblemNote } from "../app/ProblemNote";
import { text } from "../text";
import { checksOf } from "./checks";
import type { Check } from "./checks";
import type { Draft, Property } from "./draft";
import { changeLine, gridRows, lineOf, mapColumn, removeLine, sampled, takeSuggestions } from "./grid";
import type { Column, Sampled } from "./grid";
import { LineDialog } from "./LineDialog";
import { PropertiesGrid } from "./PropertiesGrid";
import { RecordPane } from "./RecordPane";
import { suggest, tryMapping } from "./requests";
import type { Sample } from "./requests";
import type { StepProps } from "./step";

const t = text.edit.properties;
const typing = 400;

/** PropertiesStep maps columns to properties, and shows what each line makes of the sample while it is written. */
export function PropertiesStep({ editor, view }: StepProps): ReactNode {
  const { draft } = editor;
  const [search, setSearch] = useState("");
  const [open, setOpen] = useState<number>();
  const columns = useMemo(() => view.described?.columns ?? [], [view.described]);
  const samples = useMemo((): Map<string, Sampled> => sampled(columns, view.sample?.rows ?? []), [columns, view.sample]);
  const tried = useTried(draft, view.sample);
  const checks = useMemo((): Map<number, Check> => (tried.data === undefined || view.sample === undefined ? new Map<number, Check>() : checksOf(draft.spec.mapping, tried.data, view.sample.rows)), [tried.data, draft.spec.mapping, view.sample]);
  const suggestions = useSuggestions(draft, view.described);
  const suggested = useMemo(() => new Map((suggestions.data?.properties ?? []).map((s) => [s.property.from ?? "", s])), [suggestions.data]);
  const rows = useMemo(() => gridRows(columns, draft.spec.mapping).filter((r) => matches(r.column, draft.spec.mapping[r.line ?? -1], search)), [columns, draft.spec.mapping, search]);

  // The rows of the grid are drawn again only if their own props change, so what they call stays the same.
  const now = useRef({ draft, suggested });
  now.current = { draft, suggested };
  const { changeSpec } = editor;
  const setMapping = useCallback((mapping: Property[]) => changeSpec({ mapping }), [changeSpec]);
  const onChange = useCallback((line: number, part: Partial<Record<keyof Property, unknown>>) => setMapping(changeLine(now.current.draft.spec.mapping, line, part)), [setMapping]);
  const onMap = useCallback((column: Column) => setMapping(mapColumn(now.current.draft.spec.mapping, column)), [setMapping]);
  const onRemove = useCallback((line: number) => setMapping(removeLine(now.current.draft.spec.mapping, line)), [setMapping]);
  const onTake = useCallback((column: string, line: number | undefined) => {
    const s = now.current.suggested.get(column);
    if (s === undefined) return;
    const { mapping } = now.current.draft.spec;
    setMapping(line === undefined ? [...mapping, s.property] : mapping.map((p, n) => (n === line ? s.property : p)));
  }, [setMapping]);

  if (columns.length === 0) return <Stack><Text>{text.edit.identity.needSource}</Text><ProblemNote error={view.describeError} /></Stack>;
  const { mapping } = draft.spec;
  const mapped = new Set(mapping.map((p) => p.from)).size - (mapping.some((p) => p.from === undefined) ? 1 : 0);
  const sure = takeSuggestions(mapping, suggestions.data?.properties ?? []);
  return (
    <Stack>
      <Group>
        <TextInput aria-label={t.search} placeholder={t.search} value={search} onChange={(e) => setSearch(e.currentTarget.value)} />
        {sure.length > mapping.length && <Button variant="default" onClick={() => setMapping(sure)}>{t.takeSure(sure.length - mapping.length)}</Button>}
        <Button variant="default" onClick={() => setMapping([...mapping, { expr: "", to: "" }])}>{t.addExpression}</Button>
        <Button variant="default" onClick={() => setMapping([...mapping, { value: "", to: "" }])}>{t.addValue}</Button>
        {view.sample === undefined && <Press variant="default" busy={view.reading} onClick={view.read}>{text.edit.source.preview}</Press>}
      </Group>
      {view.sample === undefined && <Text size="sm">{t.needSample}</Text>}
      <ProblemNote error={view.readError ?? tried.error} />
      <OtherProblems tried={tried.data} />
      <PropertiesGrid rows={rows} mapping={mapping} samples={samples} checks={checks} suggested={suggested} sampled={view.sample !== undefined}
        identity={draft.spec.identity.column} cursor={draft.spec.source.cursor?.column ?? ""}
        onChange={onChange} onMap={onMap} onRemove={onRemove} onTake={onTake} onMore={setOpen} />
      <Group justify="space-between">
        <Text size="sm" aria-live="polite">{t.counter(mapped, columns.length)}{tried.isFetching && ` · ${t.checking}`}</Text>
        <Text size="xs">{t.keys}</Text>
      </Group>
      {view.sample !== undefined && <RecordPane rows={view.sample.rows} tried={tried.data} />}
      {open !== undefined && mapping[open] !== undefined && (
        <LineDialog property={mapping[open]} event={draft.spec.destination.type === "event"} onChange={(part) => onChange(open, part)} onClose={() => setOpen(undefined)} />
      )}
    </Stack>
  );
}

function matches(column: Column | undefined, line: Property | undefined, search: string): boolean {
  const q = search.toLowerCase();
  return q === "" || [column?.name, line?.to, line?.expr, line?.from].some((s) => s?.toLowerCase().includes(q) === true);
}

/** useTried has the mapping tried on the sample, after a pause in typing. */
function useTried(draft: Draft, sample: Sample | undefined) {
  const [asked] = useDebouncedValue(draft, typing);
  return useQuery({
    queryKey: ["tried", draft.name, sample?.queryId, JSON.stringify([asked.spec.mapping, asked.spec.identity, asked.spec.destination])],
    queryFn: () => tryMapping(asked, sample!),
    structuralSharing: false,
    enabled: sample !== undefined && asked.spec.identity.column !== "",
    placeholderData: keepPreviousData,
    staleTime: Infinity,
    gcTime: 60_000,
    retry: false,
  });
}

function useSuggestions(draft: Draft, sample: Sample | undefined) {
  const { identity, source, destination } = draft.spec;
  return useQuery({
    queryKey: ["suggested", draft.name, sample, identity.column, source.cursor?.column, destination],
    queryFn: () => suggest(draft, sample!),
    enabled: sample !== undefined,
    staleTime: Infinity,
    retry: false,
  });
}

/** OtherProblems are those of no line: the identity, the event. */
function OtherProblems({ tried }: { tried: Awaited<ReturnType<typeof tryMapping>> | undefined }): ReactNode {
  const others = (tried?.problems ?? []).filter((p) => lineOf(p.location) === undefined);
  return others.length === 0 ? null : <Stack gap={2} role="status">{others.map((p) => <Text key={p.location ?? p.message} size="sm">{p.message}</Text>)}</Stack>;
}
