import { Button, Group, List, Select, Stack, Text, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";

import { Toned } from "../app/Badge";
import { ProblemNote } from "../app/ProblemNote";
import { text } from "../text";
import { ofCursor, ofIdentity } from "./advice";
import type { Advice } from "./advice";
import { choices } from "./choices";
import { sampled } from "./grid";
import type { Column } from "./grid";
import { suggest } from "./requests";
import type { StepProps } from "./step";

const t = text.edit.identity;

/** IdentityStep says whose row it is, when it was changed, and of events what happened when. */
export function IdentityStep({ editor, view }: StepProps): ReactNode {
  const { spec } = editor.draft;
  const columns = view.described?.columns ?? [];
  const names = columns.map((c) => c.name);
  const samples = sampled(columns, view.sample?.rows ?? []);
  const suggested = useQuery({
    queryKey: ["suggest choices", editor.draft.name, view.described, spec.destination.type],
    queryFn: () => suggest({ ...editor.draft, spec: { ...spec, identity: { column: "" }, source: { ...spec.source, cursor: {} } } }, view.described!),
    enabled: columns.length > 0,
    staleTime: Infinity,
    retry: false,
  });
  if (columns.length === 0) return <Stack><Text>{t.needSource}</Text><ProblemNote error={view.describeError} /></Stack>;
  const find = (name: string | undefined): Column | undefined => columns.find((c) => c.name === name);
  const cursor = spec.source.cursor;
  const cursorColumn = find(cursor?.column);
  const setCursor = (part: Partial<NonNullable<typeof cursor>> | undefined) => {
    const { cursor: _, ...source } = spec.source;
    editor.changeSpec({ source: part === undefined ? source : { ...source, cursor: { ...cursor, ...part } } });
  };
  const identity = find(spec.identity.column);
  const event = spec.destination.type === "event";
  return (
    <Stack className="form">
      <Select label={t.column} description={t.columnHelp} searchable data={names} value={spec.identity.column === "" ? null : spec.identity.column}
        onChange={(v) => editor.changeSpec({ identity: { ...spec.identity, column: v ?? "" } })} />
      {identity !== undefined && <Advices list={ofIdentity(identity, samples.get(identity.name), event)} />}
      <Suggestion column={suggested.data?.identity} now={spec.identity.column} onUse={(column) => editor.changeSpec({ identity: { ...spec.identity, column } })} />
      <Select label={t.kind} allowDeselect={false} value={spec.identity.kind ?? "identity"}
        data={choices.identityKind.map((value) => ({ value, label: t.kinds[value] ?? value }))}
        onChange={(v) => editor.changeSpec({ identity: v === "identity" || v === null ? { column: spec.identity.column } : { ...spec.identity, kind: v } })} />
      <Select label={t.cursor} description={t.cursorHelp} placeholder={t.noCursor} searchable clearable clearButtonProps={{ "aria-label": t.noCursor }} data={names}
        value={cursor?.column ?? null} onChange={(v) => setCursor(v === null ? undefined : { column: v, lookback: cursor?.lookback ?? "15m" })} />
      {cursorColumn !== undefined && <Advices list={ofCursor(cursorColumn, samples.get(cursorColumn.name))} />}
      <Suggestion column={suggested.data?.cursor} now={cursor?.column ?? ""} onUse={(column) => setCursor({ column, lookback: cursor?.lookback ?? "15m" })} />
      {cursorColumn?.type === "FIXED" && (
        <Select label={t.epoch} data={choices.epoch} value={cursor?.epoch ?? null} onChange={(v) => setCursor({ epoch: v ?? "" })} />
      )}
      {cursor !== undefined && <TextInput label={t.lookback} description={t.lookbackHelp} value={cursor.lookback ?? ""} onChange={(e) => setCursor({ lookback: e.currentTarget.value })} />}
      {event && <EventFields editor={editor} names={names} createdOn={suggested.data?.createdOn} />}
    </Stack>
  );
}

function EventFields({ editor, names, createdOn }: { editor: StepProps["editor"]; names: string[]; createdOn: string | undefined }): ReactNode {
  const { destination } = editor.draft.spec;
  const event = destination.event ?? {};
  const set = (part: Partial<typeof event>) => editor.changeSpec({ destination: { ...destination, event: { ...event, ...part } } });
  return (
    <>
      <TextInput label={t.event} description={t.eventHelp} value={event.name ?? ""} disabled={(event.nameColumn ?? "") !== ""} onChange={(e) => set({ name: e.currentTarget.value })} />
      <Select label={t.eventColumn} placeholder={t.noColumn} searchable clearable clearButtonProps={{ "aria-label": t.noColumn }} data={names} value={event.nameColumn ?? null}
        onChange={(v) => set(v === null ? { nameColumn: "", name: editor.draft.displayName } : { nameColumn: v, name: "" })} />
      <Select label={t.createdOn} description={t.createdOnHelp} placeholder={t.noColumn} searchable clearable clearButtonProps={{ "aria-label": t.noColumn }} data={names} value={event.createdOn?.column ?? null}
        onChange={(v) => {
          const { createdOn: before, ...rest } = event;
          editor.changeSpec({ destination: { ...destination, event: v === null ? rest : { ...rest, createdOn: { ...before, column: v } } } });
        }} />
      <Suggestion column={createdOn === undefined ? undefined : { column: createdOn, reason: "" }} now={event.createdOn?.column ?? ""}
        onUse={(column) => set({ createdOn: { ...event.createdOn, column } })} />
      {event.createdOn !== undefined && (
        <Select label={t.createdOnFormat} placeholder={text.edit.properties.asIs} clearable clearButtonProps={{ "aria-label": text.edit.properties.asIs }} data={choices.createdOnFormat}
          value={event.createdOn.format ?? null} onChange={(v) => set({ createdOn: { ...event.createdOn!, format: v ?? "" } })} />
      )}
    </>
  );
}

function Advices({ list }: { list: Advice[] }): ReactNode {
  return list.length === 0 ? null : <List size="sm">{list.map((a) => <List.Item key={a.text}><Toned tone={a.bad ? "bad" : "idle"}>{a.text}</Toned></List.Item>)}</List>;
}

function Suggestion({ column, now, onUse }: { column: { column: string; reason: string } | undefined; now: string; onUse: (column: string) => void }): ReactNode {
  if (column === undefined || column.column === "" || column.column === now) return null;
  return (
    <Group gap="xs">
      <Text size="sm">{t.suggested} <b>{column.column}</b>{column.reason === "" ? "." : `: ${column.reason}.`}</Text>
      <Button size="compact-sm" variant="default" onClick={() => onUse(column.column)} aria-label={`${t.use}: ${column.column}`}>{t.use}</Button>
    </Group>
  );
}
