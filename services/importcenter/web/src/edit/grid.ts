import type { Schemas } from "../api/client";
import type { Property } from "./draft";

export type Column = Schemas["PreviewColumn"];

/** GridRow is a row of the properties' grid: a column with the line that maps it, a column that is not mapped, or a line of no column. */
export interface GridRow {
  key: string;
  column?: Column;
  /** The line's place in the mapping. */
  line?: number;
  /** The line names a column that the query does not have. */
  gone?: boolean;
}

/** gridRows lays the lines of a mapping beside the columns of the query, in the query's order; what names no column comes last. */
export function gridRows(columns: Column[], mapping: Property[]): GridRow[] {
  const byColumn = new Map<string, number[]>();
  const others: GridRow[] = [];
  const find = finder(columns);
  mapping.forEach((p, line) => {
    const column = p.from === undefined || p.from === "" ? undefined : find(p.from);
    if (column !== undefined) byColumn.set(column.name, [...(byColumn.get(column.name) ?? []), line]);
    else others.push({ key: `line ${line}`, line, ...(p.from === undefined || p.from === "" ? {} : { gone: true }) });
  });
  const rows = columns.flatMap((column): GridRow[] => {
    const lines = byColumn.get(column.name);
    if (lines === undefined) return [{ key: `column ${column.name}`, column }];
    return lines.map((line, n) => ({ key: n === 0 ? `column ${column.name}` : `line ${line}`, column, line }));
  });
  return [...rows, ...others];
}

/** finder finds a column as the mapping does: by its exact name, else by the only one that differs in case. */
function finder(columns: Column[]): (name: string) => Column | undefined {
  const exact = new Map(columns.map((c) => [c.name, c]));
  const folded = new Map<string, Column[]>();
  for (const c of columns) folded.set(c.name.toLowerCase(), [...(folded.get(c.name.toLowerCase()) ?? []), c]);
  return (name) => {
    const same = folded.get(name.toLowerCase()) ?? [];
    return exact.get(name) ?? (same.length === 1 ? same[0] : undefined);
  };
}

/** typeName writes a column's type as Snowflake does. */
export function typeName(c: Column): string {
  if (c.type === "FIXED") return `NUMBER(${c.precision},${c.scale})`;
  if (c.type === "REAL") return "FLOAT";
  return c.type;
}

const shownValues = 3;
const shownLength = 24;

/** Sampled is what the sample shows of a column. */
export interface Sampled {
  values: string[];
  nulls: number;
  distinct: number;
  of: number;
}

/** sampled collects the first different values of each column, as they are written in the rows. */
export function sampled(columns: Column[], rows: unknown[]): Map<string, Sampled> {
  const out = new Map<string, Sampled>();
  for (const c of columns) {
    const seen = new Set<string>();
    let nulls = 0;
    let of = 0;
    for (const row of rows) {
      if (typeof row !== "object" || row === null) continue;
      of++;
      const value = (row as Record<string, unknown>)[c.name];
      if (value === null || value === undefined) nulls++;
      else seen.add(typeof value === "string" ? value : JSON.stringify(value));
    }
    out.set(c.name, { values: [...seen].slice(0, shownValues).map((v) => shorten(v)), nulls, distinct: seen.size, of });
  }
  return out;
}

/** shorten cuts a text by characters and not within one. */
export function shorten(text: string, to = shownLength): string {
  // A character takes two units at most; of a long text no more is looked at.
  const characters = [...text.slice(0, 2 * (to + 1))];
  return characters.length <= to ? text : `${characters.slice(0, to - 1).join("")}…`;
}

/** changeLine replaces parts of a line; what is empty is left out, but for a constant, which may be an empty text. */
export function changeLine(mapping: Property[], at: number, part: Partial<Record<keyof Property, unknown>>): Property[] {
  return mapping.map((p, n) => {
    if (n !== at) return p;
    const changed = Object.entries({ ...p, ...part }).filter(([key, v]) => v !== undefined && (key === "value" || (v !== "" && v !== null)));
    return Object.fromEntries(changed) as Property;
  });
}

/** mapColumn adds a line for a column, under the name that a person would give it. */
export function mapColumn(mapping: Property[], column: Column): Property[] {
  return [...mapping, { from: column.name, to: column.name.toLowerCase().replace(/_+/g, " ").trim() || column.name }];
}

export function removeLine(mapping: Property[], at: number): Property[] {
  return mapping.filter((_, n) => n !== at);
}

type Suggested = Schemas["PropertySuggested"];

/** takeSuggestions adds the lines that are sure, for columns that nobody has mapped. */
export function takeSuggestions(mapping: Property[], suggested: Suggested[]): Property[] {
  const mapped = new Set(mapping.map((p) => (p.from ?? "").toLowerCase()));
  const named = new Set(mapping.map((p) => (p.to ?? "").toLowerCase()));
  const added = suggested.filter((s) => s.sure && !mapped.has((s.property.from ?? "").toLowerCase()) && !named.has((s.property.to ?? "").toLowerCase()));
  return [...mapping, ...added.map((s) => s.property)];
}

/** lineOf finds the line of a mapping that a problem is about, such as documents[0].spec.mapping[3].to. */
export function lineOf(location: string | undefined): number | undefined {
  const found = /spec\.mapping\[(\d+)\]/.exec(location ?? "");
  return found === null ? undefined : Number(found[1]);
}
