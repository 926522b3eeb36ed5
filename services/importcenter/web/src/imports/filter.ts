import type { Listing } from "../api/client";
import { text } from "../text";

export const sortable = ["name", "status", "health", "last", "next"] as const;
export type SortKey = (typeof sortable)[number];

/** Search is what the address of the listing holds. */
export interface Search {
  q?: string;
  status?: string;
  type?: string;
  condition?: string;
  owner?: string;
  datasource?: string;
  partner?: string;
  frequency?: string;
  account?: string;
  createdBy?: string;
  nickname?: string;
  /** Seconds that the watermark is older than. */
  freshnessOver?: number;
  /** Days in the viewer's zone, as 2026-11-30; the last one counts. */
  createdAfter?: string;
  createdBefore?: string;
  lastRunAfter?: string;
  lastRunBefore?: string;
  sort?: SortKey;
  down?: boolean;
}

/** choices are the filters whose choices are what the imports have. */
export const choices = ["condition", "owner", "datasource"] as const;
/** rarer are such filters that are asked for less often. */
export const rarer = ["partner", "frequency", "account", "createdBy"] as const;
const chosenBy = [...choices, ...rarer] as const;
/** dates are filters by day. */
export const dates = ["createdAfter", "createdBefore", "lastRunAfter", "lastRunBefore"] as const;

/** isRare tells whether a search has a filter that is asked for less often. */
export function isRare(s: Search): boolean {
  return [...rarer, ...dates, "nickname" as const, "freshnessOver" as const].some((f) => s[f] !== undefined);
}

/** readSearch takes what an address holds; what it does not know counts as absent. */
export function readSearch(raw: Record<string, unknown>): Search {
  const word = (v: unknown) => (typeof v === "string" && v !== "" ? v : undefined);
  const sort = sortable.find((s) => s === raw["sort"]);
  const q = raw["q"] === undefined ? undefined : word(String(raw["q"]));
  const status = word(raw["status"]);
  const type = word(raw["type"]);
  const nickname = raw["nickname"] === undefined ? undefined : word(String(raw["nickname"]));
  const freshnessOver = Number(raw["freshnessOver"]);
  const days = Object.fromEntries(dates.flatMap((d) => (/^\d{4}-\d\d-\d\d$/.test(String(raw[d])) && !Number.isNaN(Date.parse(String(raw[d]))) ? [[d, raw[d]]] : [])));
  const chosen = Object.fromEntries(chosenBy.flatMap((c) => (word(raw[c]) === undefined ? [] : [[c, raw[c]]])));
  return {
    ...(q === undefined ? {} : { q }),
    ...(status === undefined ? {} : { status }),
    ...(type === undefined ? {} : { type }),
    ...chosen,
    ...days,
    ...(nickname === undefined ? {} : { nickname }),
    ...(freshnessOver > 0 ? { freshnessOver } : {}),
    ...(sort === undefined ? {} : { sort }),
    ...(raw["down"] === true ? { down: true } : {}),
  };
}

const words: Readonly<Record<string, Record<string, string>>> = { condition: text.imports.conditions, frequency: text.imports.frequencies };

/** valuesOf are the values that imports have, with a word where they are codes. */
export function valuesOf(imports: Listing[], by: (typeof chosenBy)[number]): { value: string; label: string }[] {
  const values = [...new Set(imports.flatMap((l) => l[by] ?? []))].sort();
  return values.map((value) => ({ value, label: words[by]?.[value] ?? value }));
}

/** select returns the imports that match, in order. What has no value for the sort key comes last either way. */
export function select(imports: Listing[], s: Search): Listing[] {
  const q = s.q?.toLowerCase();
  const match = imports.filter(
    (l) =>
      (q === undefined || l.import.toLowerCase().includes(q) || (l.displayName ?? "").toLowerCase().includes(q) || (l.owner ?? "").toLowerCase().includes(q)) &&
      (s.status === undefined || l.status === s.status) &&
      (s.type === undefined || l.type === s.type) &&
      chosenBy.every((c) => s[c] === undefined || l[c] === s[c]) &&
      (s.nickname === undefined || (l.displayName ?? "").toLowerCase().includes(s.nickname.toLowerCase())) &&
      (s.freshnessOver === undefined || (l.freshnessSeconds ?? 0) > s.freshnessOver) &&
      within(l.createdAt, s.createdAfter, s.createdBefore) && within(l.lastRunAt, s.lastRunAfter, s.lastRunBefore),
  );
  const key = keys[s.sort ?? "name"];
  const sign = s.down === true ? -1 : 1;
  return match.sort((a, b) => {
    const x = key(a);
    const y = key(b);
    if (x === null || y === null) return x === y ? compare(a.import, b.import) : x === null ? 1 : -1;
    return sign * compare(x, y) || compare(a.import, b.import);
  });
}

/** within tells whether an instant lies in days of the viewer's zone. */
function within(at: string | null | undefined, after: string | undefined, before: string | undefined): boolean {
  if (after === undefined && before === undefined) return true;
  if (at === null || at === undefined) return false;
  const day = new Date(at).toLocaleDateString("sv"); // 2026-11-30
  return (after === undefined || day >= after) && (before === undefined || day <= before);
}

const keys: Record<SortKey, (l: Listing) => string | number | null> = {
  name: (l) => (l.displayName ?? l.import).toLowerCase(),
  status: (l) => l.status,
  health: (l) => l.health,
  last: (l) => instant(l.lastRunAt),
  next: (l) => instant(l.nextRunAt),
};

function instant(at: string | null): number | null {
  return at === null ? null : Date.parse(at);
}

function compare(a: string | number, b: string | number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
