import type { Schemas } from "../api/client";

/** Group is the rows of a dry run that fail for one reason in one place. */
export interface Group {
  code: string;
  property: string;
  column: string;
  reason: string;
  /** Places in the dry run's rows. */
  rows: number[];
}

/** groupsOf gathers what failed, the most rows first. A row counts once in each group. */
export function groupsOf(dryRun: Pick<Schemas["DryRun"], "rows">): Group[] {
  const groups = new Map<string, Group>();
  dryRun.rows.forEach((row, n) => {
    for (const c of [...(row.rejects ?? []), ...(row.omitted ?? [])]) {
      const key = JSON.stringify([c.code, c.property, c.column]);
      const group = groups.get(key) ?? { code: c.code, property: c.property, column: c.column, reason: c.reason, rows: [] };
      if (group.rows.at(-1) !== n) group.rows.push(n);
      groups.set(key, group);
    }
  });
  return [...groups.values()].sort((a, b) => b.rows.length - a.rows.length || (a.code < b.code ? -1 : 1));
}
