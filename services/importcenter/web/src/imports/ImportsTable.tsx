import { Anchor, Checkbox, Text, UnstyledButton } from "@mantine/core";
import { IconArrowDown, IconArrowUp } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useRef } from "react";
import type { ReactNode } from "react";

import type { Listing, Schemas } from "../api/client";
import { Badge, Toned } from "../app/Badge";
import type { Tone } from "../app/Badge";
import { Instant } from "../app/Instant";
import { count, health, share } from "../format/number";
import { span } from "../format/time";
import { text } from "../text";
import { whyOf } from "./attention";
import type { Search, SortKey } from "./filter";

const rowHeight = 37;

interface Props {
  imports: Listing[];
  search: Search;
  now: number;
  onSort: (sort: SortKey, down: boolean) => void;
  selected: ReadonlySet<string>;
  onSelect: (names: string[], on: boolean) => void;
}

/** ImportsTable draws only the rows that are in view, so that thousands scroll smoothly. */
export function ImportsTable({ imports, search, now, onSort, selected, onSelect }: Props): ReactNode {
  const scroll = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({ count: imports.length, getScrollElement: () => scroll.current, estimateSize: () => rowHeight, overscan: 12 });
  const items = rows.getVirtualItems();
  const before = items[0]?.start ?? 0;
  const after = rows.getTotalSize() - (items.at(-1)?.end ?? 0);
  const c = text.imports.columns;
  const head = (key: SortKey, label: string, numbers = false) => (
    <Head label={label} numbers={numbers} sorted={(search.sort ?? "name") === key} down={search.down === true} onSort={(down) => onSort(key, down)} />
  );
  return (
    <div ref={scroll} className="scroll" style={{ maxHeight: "70vh" }} tabIndex={0} role="region" aria-label={text.imports.title}>
      <table className="table" aria-rowcount={imports.length + 1}>
        <thead>
          <tr>
            <th scope="col">
              <Checkbox size="xs" aria-label={text.imports.selectAll} checked={imports.every((l) => selected.has(l.import))} indeterminate={selected.size > 0 && !imports.every((l) => selected.has(l.import))}
                onChange={(e) => onSelect(imports.map((l) => l.import), e.currentTarget.checked)} />
            </th>
            {head("name", c.name)}{head("status", c.status)}<th scope="col">{c.sync}</th>{head("health", c.health, true)}<th scope="col">{c.why}</th>
            <th scope="col">{c.recent}</th><th scope="col" className="numbers">{c.fresh}</th>
            {head("last", c.last)}{head("next", c.next)}<th scope="col">{c.schedule}</th><th scope="col">{c.owner}</th>
          </tr>
        </thead>
        <tbody>
          {before > 0 && <tr aria-hidden style={{ height: before }} />}
          {items.map((item) => <Row key={item.key} at={item.index} listing={imports[item.index]} now={now} selected={selected.has(imports[item.index]?.import ?? "")} onSelect={onSelect} />)}
          {after > 0 && <tr aria-hidden style={{ height: after }} />}
        </tbody>
      </table>
    </div>
  );
}

function Head({ label, numbers, sorted, down, onSort }: { label: string; numbers: boolean; sorted: boolean; down: boolean; onSort: (down: boolean) => void }): ReactNode {
  const Icon = down ? IconArrowDown : IconArrowUp;
  return (
    <th scope="col" className={numbers ? "numbers" : undefined} aria-sort={sorted ? (down ? "descending" : "ascending") : undefined}>
      <UnstyledButton fw={600} fz="inherit" onClick={() => onSort(sorted && !down)}>
        {label}{sorted && <Icon size={14} aria-hidden />}
      </UnstyledButton>
    </th>
  );
}

interface RowProps {
  at: number;
  listing: Listing | undefined;
  now: number;
  selected: boolean;
  onSelect: Props["onSelect"];
}

function Row({ at, listing: l, now, selected, onSelect }: RowProps): ReactNode {
  if (l === undefined) return null;
  const status = l.hold === undefined ? l.status : "Held";
  const why = whyOf(l);
  return (
    <tr aria-rowindex={at + 2} aria-selected={selected}>
      <td><Checkbox size="xs" aria-label={text.imports.select(l.import)} checked={selected} onChange={(e) => onSelect([l.import], e.currentTarget.checked)} /></td>
      <td className="named">
        <Anchor inherit fw={500} renderRoot={(props) => <Link {...props} to="/imports/$import" params={{ import: l.import }} />}>{l.displayName ?? l.import}</Anchor>
        {l.displayName !== undefined && <Text span size="xs" ml={8}>{l.import}</Text>}
      </td>
      <td><Badge state={status} word={status} /></td>
      <td>{text.imports.sync[l.type] ?? l.type}</td>
      <td className="numbers"><Health listing={l} /></td>
      <td className="short" title={why}><bdi>{why}</bdi></td>
      <td><Recent runs={l.recent ?? []} /></td>
      <td className="numbers">{l.freshnessSeconds !== undefined && span(l.freshnessSeconds * 1000)}</td>
      <td>
        {l.lastRun === undefined ? text.imports.never : (
          <Anchor inherit renderRoot={(props) => <Link {...props} to="/runs/$run" params={{ run: l.lastRun ?? "" }} />}>
            {l.lastRunState === undefined ? l.lastRun : <Badge state={l.lastRunState} word={text.states[l.lastRunState] ?? l.lastRunState} />}{" "}
            {l.progress === undefined ? <Instant at={l.lastRunAt} now={now} /> : text.imports.progress(share(l.progress))}
          </Anchor>
        )}
      </td>
      <td><Instant at={l.nextRunAt} now={now} none={text.imports.notDue} /></td>
      <td>{l.schedule}</td>
      <td>{l.owner}</td>
    </tr>
  );
}

/** Health is a figure, and how many rows failed beside one that is not whole; its colour repeats it. */
export function Health({ listing: l }: { listing: Listing }): ReactNode {
  if (l.health === null) return text.imports.noHealth;
  const tone: Tone = l.health >= 1 ? "ok" : l.health >= 0.5 ? "warn" : "bad";
  return (
    <Toned tone={tone}>
      {health(l.health)}{(l.openRejects ?? 0) > 0 && <>, <Anchor inherit renderRoot={(props) => <Link {...props} to="/imports/$import/rejects" params={{ import: l.import }} search={{}} />}>{text.imports.openRejects(count(l.openRejects ?? 0))}</Anchor></>}
    </Toned>
  );
}

const bar = { width: 6, gap: 2, height: 20 };

/** Recent draws the newest runs, oldest first: how much each loaded, and a cross where one failed. */
function Recent({ runs }: { runs: Schemas["RecentRun"][] }): ReactNode {
  if (runs.length === 0) return null;
  const most = Math.max(1, ...runs.map((r) => r.loaded));
  const oldestFirst = [...runs].sort((a, b) => Date.parse(a.startedAt) - Date.parse(b.startedAt));
  const failed = runs.filter((r) => r.state === "failed").length;
  return (
    <svg width={10 * (bar.width + bar.gap)} height={bar.height} role="img" aria-label={text.imports.recent(runs.length, failed)} fill="currentColor" stroke="currentColor">
      {oldestFirst.map((r, n) => {
        const x = n * (bar.width + bar.gap);
        if (r.state === "failed") return <path key={r.run} d={`M${x} ${bar.height - 7}l6 6m-6 0l6 -6`} strokeWidth={1.5} fill="none" />;
        const h = Math.max(1, Math.round((r.loaded / most) * (bar.height - 2)));
        return <rect key={r.run} x={x} y={bar.height - h} width={bar.width} height={h} stroke="none" opacity={0.7} />;
      })}
    </svg>
  );
}
