import type { Listing } from "../api/client";

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
  sort?: SortKey;
  down?: boolean;
}

/** choices are the filters whose choices are what the imports have. */
export const choices = ["condition", "owner", "datasource"] as const;

/** readSearch takes what an address holds; what it does not know counts as absent. */
export function readSearch(raw: Record<string, unknown>): Search {
  const word = (v: unknown) => (typeof v === "string" && v !== "" ? v : undefined);
  const sort = sortable.find((s) => s === raw["sort"]);
  const q = raw["q"] === undefined ? undefined : word(String(raw["q"]));
  const status = word(raw["status"]);
  const type = word(raw["type"]);
  const chosen = Object.fromEntries(choices.flatMap((c) => (word(raw[c]) === undefined ? [] : [[c, raw[c]]])));
  return {
    ...(q === undefined ? {} : { q }),
    ...(status === undefined ? {} : { status }),
    ...(type === undefined ? {} : { type }),
    ...chosen,
    ...(sort === undefined ? {} : { sort }),
    ...(raw["down"] === true ? { down: true } : {}),
  };
}

/** select returns the imports that match, in order. What has no value for the sort key comes last either way. */
export function select(imports: Listing[], s: Search): Listing[] {
  const q = s.q?.toLowerCase();
  const match = imports.filter(
    (l) =>
      (q === undefined || l.import.toLowerCase().includes(q) || (l.displayName ?? "").toLowerCase().includes(q) || (l.owner ?? "").toLowerCase().includes(q)) &&
      (s.status === undefined || l.status === s.status) &&
      (s.type === undefined || l.type === s.type) &&
      choices.every((c) => s[c] === undefined || l[c] === s[c]),
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
