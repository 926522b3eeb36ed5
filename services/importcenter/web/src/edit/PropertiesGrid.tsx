import { ActionIcon, Button, NativeSelect, Text, TextInput } from "@mantine/core";
import { IconDots, IconPlus, IconX } from "@tabler/icons-react";
import { useVirtualizer } from "@tanstack/react-virtual";
import { memo, useRef } from "react";
import type { KeyboardEvent, ReactNode } from "react";

import { Toned } from "../app/Badge";
import type { Schemas } from "../api/client";
import { text } from "../text";
import type { Check } from "./checks";
import { choices } from "./choices";
import type { Property } from "./draft";
import { typeName } from "./grid";
import type { Column, GridRow, Sampled } from "./grid";

type Suggested = Schemas["PropertySuggested"];

interface Handlers {
  onChange: (line: number, part: Partial<Record<keyof Property, unknown>>) => void;
  onMap: (column: Column) => void;
  onRemove: (line: number) => void;
  onTake: (column: string, line: number | undefined) => void;
  onMore: (line: number) => void;
}

interface GridProps extends Handlers {
  rows: GridRow[];
  mapping: Property[];
  samples: Map<string, Sampled>;
  checks: Map<number, Check>;
  suggested: Map<string, Suggested>;
  sampled: boolean;
  identity: string;
  cursor: string;
}

const t = text.edit.properties;
const height = 48;

/** PropertiesGrid draws the rows that are in sight, so that a table of 5,000 columns scrolls as one of ten. */
export function PropertiesGrid(props: GridProps): ReactNode {
  const { rows, mapping, samples, checks, suggested, sampled, identity, cursor, ...handlers } = props;
  const frame = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({ count: rows.length, getScrollElement: () => frame.current, estimateSize: () => height, overscan: 8, getItemKey: (n) => rows[n]?.key ?? n });
  const items = virtual.getVirtualItems();
  const first = items[0]?.start ?? 0;
  const rest = virtual.getTotalSize() - (items.at(-1)?.end ?? 0);

  const move = (event: KeyboardEvent) => {
    const cell = (event.target as HTMLElement).closest<HTMLElement>("[data-cell]");
    if (cell === null) return;
    const [row, name] = [Number(cell.dataset["row"]), cell.dataset["cell"]];
    const r = rows[row];
    if (event.altKey && event.key.toLowerCase() === "s" && r?.column !== undefined) {
      event.preventDefault();
      handlers.onTake(r.column.name, r.line);
      return;
    }
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step === 0 || event.altKey || event.ctrlKey || event.metaKey || rows[row + step] === undefined) return;
    event.preventDefault();
    virtual.scrollToIndex(row + step);
    requestAnimationFrame(() => {
      const place = frame.current?.querySelector<HTMLElement>(`[data-row="${row + step}"][data-cell="${name}"]`) ?? frame.current?.querySelector<HTMLElement>(`[data-row="${row + step}"][data-cell]`);
      const target = place?.matches("input,select,button") === true ? place : place?.querySelector<HTMLElement>("input,select,button");
      target?.focus();
    });
  };
  const c = t.columns;
  return (
    <div ref={frame} className="scroll grid" onKeyDown={move}>
      <table className="table" aria-rowcount={rows.length + 1}>
        <thead>
          <tr><th scope="col">{c.column}</th><th scope="col">{c.sample}</th><th scope="col">{c.property}</th><th scope="col">{c.type}</th><th scope="col">{c.format}</th><th scope="col">{c.check}</th><th scope="col"><span className="hidden">{t.more("")}</span></th></tr>
        </thead>
        <tbody>
          {first > 0 && <tr style={{ height: first }}><td colSpan={7} /></tr>}
          {items.map((item) => {
            const row = rows[item.index];
            if (row === undefined) return null;
            const name = row.column?.name ?? "";
            return (
              <Row key={row.key} measure={virtual.measureElement} index={item.index} row={row} property={row.line === undefined ? undefined : mapping[row.line]} sample={samples.get(name)} sampled={sampled}
                check={row.line === undefined ? undefined : checks.get(row.line)} suggestion={suggested.get(name)}
                role={name === "" ? "" : name === identity ? t.identity : name === cursor ? t.cursor : ""} {...handlers} />
            );
          })}
          {rest > 0 && <tr style={{ height: rest }}><td colSpan={7} /></tr>}
        </tbody>
      </table>
    </div>
  );
}

interface RowProps extends Handlers {
  /** measure learns how high a row has become. */
  measure: (row: HTMLTableRowElement | null) => void;
  index: number;
  row: GridRow;
  property: Property | undefined;
  sample: Sampled | undefined;
  sampled: boolean;
  check: Check | undefined;
  suggestion: Suggested | undefined;
  /** The column is the identity or the cursor. */
  role: string;
}

const Row = memo(function Row(props: RowProps): ReactNode {
  const { measure, index, row, property, sample, sampled, check, suggestion, role, onChange, onMap, onRemove, onTake, onMore } = props;
  const { column, line } = row;
  const what = column?.name ?? property?.to ?? "";
  const at = { "data-row": index };
  return (
    <tr ref={measure} data-index={index} aria-rowindex={index + 2} style={{ height }}>
      <th scope="row" dir="auto">{column === undefined ? <Own property={property} gone={row.gone === true} line={line} onChange={onChange} at={at} /> : <>{column.name} <Text span size="xs">{typeName(column)}{role !== "" && `, ${role}`}</Text></>}</th>
      <td dir="auto" className="sample">{sample?.values.join(" · ")}{sample !== undefined && sample.nulls > 0 && <Text span size="xs"> {t.nullShare(Math.ceil((100 * sample.nulls) / Math.max(1, sample.of)))}</Text>}</td>
      {property === undefined || line === undefined ? (
        <>
          <td colSpan={3}>
            <Button {...at} data-cell="property" size="compact-sm" variant="subtle" leftSection={<IconPlus size={14} aria-hidden />} onClick={() => column !== undefined && onMap(column)} aria-label={`${t.map} ${what}`}>{t.map}</Button>
            {suggestion === undefined ? <Text span size="xs"> {t.notMapped}</Text> : <Offer suggestion={suggestion} onTake={() => onTake(what, undefined)} />}
          </td>
          <td />
          <td />
        </>
      ) : (
        <>
          <td><TextInput {...at} data-cell="property" size="xs" aria-label={`${t.columns.property}: ${what}`} value={property.to ?? ""} onChange={(e) => onChange(line, { to: e.currentTarget.value })} /></td>
          <td>
            <NativeSelect {...at} data-cell="type" size="xs" aria-label={`${t.columns.type}: ${what}`} value={property.type ?? ""} data={[{ value: "", label: t.asIs }, ...choices.type]}
              onChange={(e) => onChange(line, { type: e.currentTarget.value, ...(e.currentTarget.value === "date" ? {} : { format: "" }) })} />
          </td>
          <td>
            {property.type === "date" && column !== undefined && !["DATE"].includes(column.type) && !column.type.startsWith("TIMESTAMP") && (
              <NativeSelect {...at} data-cell="format" size="xs" aria-label={`${t.columns.format}: ${what}`} value={property.format ?? ""} data={[{ value: "", label: t.asIs }, ...choices.format]} onChange={(e) => onChange(line, { format: e.currentTarget.value })} />
            )}
          </td>
          <td className="wraps"><CheckCell check={check} sampled={sampled} />{suggestion !== undefined && !sameLine(suggestion.property, property) && !suggestion.sure && <Offer suggestion={suggestion} onTake={() => onTake(what, line)} />}</td>
          <td className="tools">
            <ActionIcon {...at} variant="subtle" size={24} aria-label={t.more(what)} onClick={() => onMore(line)}><IconDots size={14} /></ActionIcon>
            <ActionIcon {...at} variant="subtle" size={24} aria-label={t.remove(what)} onClick={() => onRemove(line)}><IconX size={14} /></ActionIcon>
          </td>
        </>
      )}
    </tr>
  );
});

function sameLine(a: Property, b: Property): boolean {
  return a.to === b.to && (a.type ?? "") === (b.type ?? "") && (a.format ?? "") === (b.format ?? "");
}

/** Own is a line of no column: an expression, a constant, or one whose column is gone. */
function Own({ property, gone, line, onChange, at }: { property: Property | undefined; gone: boolean; line: number | undefined; onChange: Handlers["onChange"]; at: { "data-row": number } }): ReactNode {
  if (property === undefined || line === undefined) return null;
  if (gone) return <Toned tone="bad">{t.gone(property.from ?? "")}</Toned>;
  if (property.value !== undefined) {
    return (
      <TextInput {...at} data-cell="own" size="xs" aria-label={t.constant} placeholder={t.constant} defaultValue={JSON.stringify(property.value)}
        onChange={(e) => onChange(line, { value: constant(e.currentTarget.value) })} />
    );
  }
  return <TextInput {...at} data-cell="own" size="xs" aria-label={t.expression} placeholder={t.expression} value={property.expr ?? ""} onChange={(e) => onChange(line, { expr: e.currentTarget.value })} />;
}

/** constant reads JSON; what is none is a text. */
function constant(typed: string): unknown {
  try {
    return JSON.parse(typed) as unknown;
  } catch {
    return typed;
  }
}

function Offer({ suggestion, onTake }: { suggestion: Suggested; onTake: () => void }): ReactNode {
  const { to = "", type = "", format = "" } = suggestion.property;
  return (
    <Text span size="xs">
      {" "}{t.suggestion(to, [type, format].filter(Boolean).join(" "))}{suggestion.reason !== undefined && suggestion.reason !== "" && ` (${suggestion.reason})`}{" "}
      <Button size="compact-sm" variant="subtle" onClick={onTake} aria-label={`${t.take}: ${to}`}>{t.take}</Button>
    </Text>
  );
}

function CheckCell({ check, sampled }: { check: Check | undefined; sampled: boolean }): ReactNode {
  if (check === undefined) return <Text span size="xs">{sampled ? "" : t.unchecked}</Text>;
  if (check.problem !== "") return <Toned tone="bad">{check.problem}</Toned>;
  return (
    <Text span size="xs">
      {check.failing > 0 ? <Toned tone="bad">{t.failing(check.failing, check.code)}</Toned> : check.omitted > 0 ? <Toned tone="warn">{t.omitted(check.omitted, check.code)}</Toned> : t.fine(check.fine)}
      {(check.failing > 0 || check.omitted > 0) && <> {check.reason} {check.value !== "" && <bdi>{check.value}{check.times > 1 && ` ×${check.times}`}</bdi>}</>}
    </Text>
  );
}
