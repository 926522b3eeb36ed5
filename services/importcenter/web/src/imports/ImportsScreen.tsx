import { Anchor, Button, Group, Select, Stack, Text, TextInput, Title } from "@mantine/core";
import { IconSearch } from "@tabler/icons-react";
import { Link, getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import type { ReactNode } from "react";

import { useImports } from "../api/live";
import { Unavailable } from "../app/ProblemNote";
import { Commands } from "../app/Commands";
import { Waiting } from "../app/Waiting";
import { useMay } from "../app/role";
import { useNow } from "../app/useNow";
import { span } from "../format/time";
import { text } from "../text";
import { needs } from "./attention";
import type { Need } from "./attention";
import { Bulk } from "./Bulk";
import { FirstVisit } from "./FirstVisit";
import { choices, isRare, select, valuesOf } from "./filter";
import type { Search } from "./filter";
import { ImportsTable } from "./ImportsTable";
import { MoreFilters } from "./MoreFilters";

const route = getRouteApi("/");
const statuses = ["Draft", "Ready", "Scheduled", "Running", "Paused", "Stopped"];

/** ImportsScreen lists all imports; its filters and its order are in the address. */
export function ImportsScreen(): ReactNode {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const now = useNow();
  const { data, error, dataUpdatedAt } = useImports();
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [more, setMore] = useState(isRare(search));
  const mayAct = useMay("operator");
  const mayChange = useMay("editor");
  const onSelect = (names: string[], on: boolean) => setSelected((old) => new Set(on ? [...old, ...names] : [...old].filter((n) => !names.includes(n))));
  if (data === undefined) return error === null ? <Waiting /> : <Unavailable title={text.imports.title} error={error} />;
  const shown = select(data, search);
  const chosen = shown.map((l) => l.import).filter((name) => selected.has(name));
  const change = (part: Partial<Record<keyof Search, string | number | boolean | undefined>>) =>
    void navigate({ search: (old) => clean({ ...old, ...part }), replace: true });
  return (
    <Stack>
      <Title order={1} size="h3">{text.imports.title}</Title>
      {error !== null && <Text role="status">{text.stale(span(now - dataUpdatedAt))}</Text>}
      <Attention needs={needs(data)} any={data.length > 0} />
      <div className="filters">
        <TextInput id="search" label={text.imports.search} placeholder={text.imports.searchHelp} leftSection={<IconSearch size={16} aria-hidden />}
          value={search.q ?? ""} onChange={(e) => change({ q: e.currentTarget.value || undefined })} />
        <Select label={text.imports.status} placeholder={text.imports.any} clearable data={statuses} value={search.status ?? null}
          onChange={(v) => change({ status: v ?? undefined })} clearButtonProps={{ "aria-label": text.imports.clear }} />
        <Select label={text.imports.type} placeholder={text.imports.any} clearable value={search.type ?? null}
          data={Object.entries(text.imports.sync).map(([value, label]) => ({ value, label }))}
          onChange={(v) => change({ type: v ?? undefined })} clearButtonProps={{ "aria-label": text.imports.clear }} />
        {choices.map((c) => (
          <Select key={c} label={text.imports.filters[c]} placeholder={text.imports.any} clearable value={search[c] ?? null} data={valuesOf(data, c)}
            onChange={(v) => change({ [c]: v ?? undefined })} clearButtonProps={{ "aria-label": text.imports.clear }} />
        ))}
        <Button variant="subtle" aria-expanded={more} onClick={() => setMore(!more)}>{more ? text.imports.fewerFilters : text.imports.moreFilters}</Button>
        {mayChange && <Button renderRoot={(props) => <Link {...props} to="/new" />}>{text.imports.new}</Button>}
      </div>
      {(more || isRare(search)) && <MoreFilters imports={data} search={search} onChange={change} />}
      {data.length === 0 ? <FirstVisit /> : shown.length === 0 ? (
        <Group><Text>{text.imports.noMatch}</Text><Button variant="subtle" onClick={() => void navigate({ search: {} })}>{text.imports.clear}</Button></Group>
      ) : <ImportsTable imports={shown} search={search} now={now} onSort={(sort, down) => change({ sort, down })} selected={selected} onSelect={onSelect} />}
      {mayAct && <Bulk names={chosen} onClear={() => setSelected(new Set())} />}
      <Text size="sm" aria-live="polite">{text.imports.total(shown.length, data.length)}</Text>
      <Commands lines={["tapline get imports -w"]} api={["GET /v1/imports"]} />
    </Stack>
  );
}

function clean(s: Record<string, unknown>): Search {
  return Object.fromEntries(Object.entries(s).filter(([, v]) => v !== undefined && v !== false)) as Search;
}

const atMost = 5;

/** Attention is the one sentence on top: who needs a person and why, each part a link. */
function Attention({ needs: list, any }: { needs: Need[]; any: boolean }): ReactNode {
  if (list.length === 0) return any ? <Text className="sentence">{text.imports.allWell}</Text> : null;
  return (
    <Text className="sentence" component="div">
      {text.imports.needYou(list.length)}{" "}
      {list.slice(0, atMost).map((n, i) => (
        <span key={n.import}>
          {i > 0 && " · "}
          <Anchor inherit renderRoot={(props) => (
            n.run === undefined ? <Link {...props} to="/imports/$import" params={{ import: n.import }} /> : <Link {...props} to="/runs/$run" params={{ run: n.run }} />
          )}>{n.import}</Anchor>{" "}
          {n.why}
        </span>
      ))}
      {list.length > atMost && ` ${text.imports.more(list.length - atMost)}`}
    </Text>
  );
}
