import { Anchor, Autocomplete, Button, Group, List, Radio, Select, Stack, Text, TextInput, Textarea, Title } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Suspense, lazy, useMemo, useState } from "react";
import type { ReactNode } from "react";

import { client, take } from "../api/client";
import { connectionsQuery } from "../api/queries";
import { Press } from "../app/Press";
import { ProblemNote } from "../app/ProblemNote";
import { text } from "../text";
import { switchType } from "./draft";
import { sampled, typeName } from "./grid";
import { fullName, lastPart, sandboxOf } from "./names";
import type { StepProps } from "./step";

const SqlEditor = lazy(() => import("./SqlEditor"));
const t = text.edit.source;

/** SourceStep says where rows come from, and shows what they are. */
export function SourceStep({ editor, view, connections, accounts }: StepProps): ReactNode {
  const { draft } = editor;
  const { source, destination } = draft.spec;
  const [kind, setKind] = useState((source.table ?? "") !== "" ? "table" : "query");
  const [lost, setLost] = useState<string[]>([]);
  const tables = useTables(source.connectionRef, source.table ?? "");
  const setSource = (part: Partial<typeof source>) => editor.changeSpec({ source: { ...source, ...part } });
  const other = destination.type === "event" ? "profile" : "event";
  const columns = view.described;
  const completion = useMemo(
    () => Object.fromEntries((tables.data?.items ?? []).filter((x) => x.name !== undefined).map((x) => [fullName(x), (x.columns ?? []).map((c) => c.name)])),
    [tables.data],
  );
  return (
    <Stack>
      <div className="form">
        <TextInput label={text.edit.new.nickname} value={draft.displayName} onChange={(e) => editor.change({ displayName: e.currentTarget.value })} />
        <Select label={text.edit.new.connection} data={connections} value={source.connectionRef} allowDeselect={false} onChange={(v) => setSource({ connectionRef: v ?? "" })} />
        <Select label={text.edit.new.account} data={accounts} value={destination.accountRef} allowDeselect={false}
          onChange={(v) => editor.changeSpec({ destination: { ...destination, accountRef: v ?? "" } })} />
        <Group>
          <Text size="sm">{text.edit.new.type} {text.edit.new.types[destination.type]}.</Text>
          <Button size="compact-sm" variant="default" onClick={() => {
            const made = switchType(draft.spec, other, draft.displayName);
            setLost(made.lost);
            editor.change({ spec: made.spec });
          }}>{t.switchTo[other]}</Button>
        </Group>
        {lost.length > 0 && <div role="status"><Text size="sm">{t.lost}</Text><List size="sm">{lost.map((l) => <List.Item key={l}>{l}</List.Item>)}</List></div>}
      </div>
      <Radio.Group label={t.kind} value={kind} onChange={(v) => {
        setKind(v);
        setSource(v === "table" ? { query: "" } : { table: "" });
      }}>
        <Group mt={4}>{Object.entries(t.kinds).map(([value, label]) => <Radio key={value} value={value} label={label} />)}</Group>
      </Radio.Group>
      <Sandbox name={source.connectionRef} />
      {kind === "table" ? (
        <Autocomplete className="form" label={t.table} description={t.tableHelp} value={source.table ?? ""} limit={50}
          data={(tables.data?.items ?? []).map(fullName)} filter={({ options }) => options} onChange={(v) => setSource({ table: v, query: "" })} />
      ) : (
        <div>
          <Text size="sm" fw={500}>{t.sql}</Text>
          <Text size="xs" mb={4}>{t.sqlHelp}</Text>
          <Suspense fallback={<Textarea aria-label={t.sql} value={source.query ?? ""} autosize minRows={8} onChange={(e) => setSource({ query: e.currentTarget.value, table: "" })} />}>
            <SqlEditor label={t.sql} value={source.query ?? ""} tables={completion} onChange={(query) => setSource({ query, table: "" })} />
          </Suspense>
        </div>
      )}
      <ProblemNote error={view.describeError} />
      <Group>
        <Press onClick={view.read} busy={view.reading} disabled={(source.query ?? "") === "" && (source.table ?? "") === ""}>{t.preview}</Press>
        <Text size="sm">{t.previewHelp}</Text>
      </Group>
      <ProblemNote error={view.readError} />
      <Title order={2} size="h5">{t.columns}</Title>
      {view.describing && <Text size="sm" role="status">{t.describing}</Text>}
      {columns === undefined ? !view.describing && <Text size="sm">{t.none}</Text> : <ColumnsTable view={view} />}
    </Stack>
  );
}

/** Sandbox leads to where a file of one's own becomes a table, if the connection is a stand-in for Snowflake on this machine. */
function Sandbox({ name }: { name: string }): ReactNode {
  const connections = useQuery(connectionsQuery).data ?? [];
  const at = sandboxOf(connections.find((c) => c.metadata.name === name)?.spec);
  if (at === undefined) return null;
  return <Text size="sm">{t.sandbox} <Anchor inherit href={at} target="_blank" rel="noreferrer">{t.sandboxFile}</Anchor></Text>;
}

const mostTables = 50;

/** useTables lists what the connection sees of what is typed; the table that is named comes with its columns. */
function useTables(connection: string, typed: string) {
  const [search] = useDebouncedValue(lastPart(typed), 300);
  return useQuery({
    queryKey: ["tables", connection, search],
    queryFn: () => take(client.GET("/v1/connections/{name}/tables", {
      params: { path: { name: connection }, query: { level: "table", pageSize: mostTables, ...(search === "" ? {} : { table: `*${search}*` }) } },
    })),
    enabled: connection !== "",
    placeholderData: keepPreviousData,
    staleTime: 60_000,
    retry: false,
  });
}

function ColumnsTable({ view }: { view: StepProps["view"] }): ReactNode {
  const [shown, setShown] = useState(true);
  const columns = view.described?.columns ?? [];
  const values = sampled(columns, view.sample?.rows ?? []);
  const c = t.table_;
  return (
    <>
      <Group>
        <Text size="sm">{t.columnsHelp(columns.length)}{view.sample !== undefined && `, ${t.rows(view.sample.rows.length, view.sample.millis, view.sample.queryId)}`}</Text>
        {view.sample !== undefined && <Button size="compact-sm" variant="default" onClick={() => setShown(!shown)}>{shown ? t.hide : t.show}</Button>}
      </Group>
      <div className="scroll tall" tabIndex={0} role="region" aria-label={t.columns}>
        <table className="table">
          <thead><tr><th scope="col">{c.name}</th><th scope="col">{c.type}</th>{view.sample !== undefined && <><th scope="col" className="numbers">{c.nulls}</th><th scope="col">{c.values}</th></>}</tr></thead>
          <tbody>
            {columns.map((column) => (
              <tr key={column.name}>
                <td dir="auto">{column.name}</td>
                <td>{typeName(column)}</td>
                {view.sample !== undefined && (
                  <>
                    <td className="numbers">{column.nulls}</td>
                    <td dir="auto">{shown ? values.get(column.name)?.values.join(" · ") : "•••"}</td>
                  </>
                )}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
