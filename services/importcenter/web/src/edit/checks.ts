import type { Property } from "./draft";
import { lineOf, shorten } from "./grid";
import type { Tried } from "./requests";

/** Check is what the sample shows of a line of the mapping. */
export interface Check {
  fine: number;
  failing: number;
  omitted: number;
  code: string;
  reason: string;
  /** The first value that fails, and how many rows have it. */
  value: string;
  times: number;
  /** Why the line cannot be tried at all. */
  problem: string;
}

/** checksOf gives each line of a mapping what the sample shows of it. */
export function checksOf(mapping: Property[], tried: Tried, rows: unknown[]): Map<number, Check> {
  const out = new Map<number, Check>();
  const none = (): Check => ({ fine: 0, failing: 0, omitted: 0, code: "", reason: "", value: "", times: 0, problem: "" });
  for (const p of tried.problems) {
    const line = lineOf(p.location);
    if (line !== undefined) out.set(line, { ...none(), problem: p.message });
  }
  if (tried.problems.length > 0) return out;
  const byProperty = new Map(tried.properties.map((p) => [p.property.toLowerCase(), p]));
  mapping.forEach((m, line) => {
    const found = byProperty.get((m.to ?? "").toLowerCase());
    if (found === undefined) return;
    const value = failingValue(m, tried, rows);
    out.set(line, {
      ...none(), ...value,
      fine: tried.rows.length - found.failing - found.omitted,
      failing: found.failing, omitted: found.omitted, code: found.code ?? "", reason: found.reason ?? "",
    });
  });
  return out;
}

function failingValue(m: Property, tried: Tried, rows: unknown[]): { value: string; times: number } {
  const values: string[] = [];
  tried.rows.forEach((r, n) => {
    const failed = [...(r.rejects ?? []), ...(r.omitted ?? [])].some((c) => c.property.toLowerCase() === (m.to ?? "").toLowerCase() && c.property !== "");
    if (!failed || m.from === undefined) return;
    const row = rows[n];
    if (typeof row !== "object" || row === null) return;
    const value = Object.entries(row).find(([name]) => name === m.from)?.[1] as unknown;
    values.push(JSON.stringify(value) ?? "");
  });
  const first = values[0];
  return first === undefined ? { value: "", times: 0 } : { value: shorten(first, 32), times: values.filter((v) => v === first).length };
}
