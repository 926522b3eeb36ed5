import type { Listing, Schemas } from "./client";

export type Change = Schemas["ImportsEvent"];

/**
 * merged lays an event of the stream over the rows that are shown. The stream does not carry the last
 * runs, so those that were known stay; missing tells that some have to be asked for.
 */
export function merged(shown: Listing[], change: Change): { items: Listing[]; missing: boolean } {
  const old = new Map(shown.map((l) => [l.import, l]));
  const changed = new Map((change.items ?? []).map((l) => [l.import, l]));
  const gone = new Set(change.removed ?? []);
  let missing = false;
  const keep = (l: Listing): Listing => {
    const before = old.get(l.import);
    if (before === undefined || before.lastRun !== l.lastRun || before.lastRunState !== l.lastRunState) missing ||= l.lastRun !== undefined;
    return before?.recent === undefined ? l : { ...l, recent: before.recent };
  };
  const items = change.complete === true ? [...changed.values()].map(keep) : [
    ...shown.filter((l) => !gone.has(l.import)).map((l) => {
      const next = changed.get(l.import);
      return next === undefined ? l : keep(next);
    }),
    ...[...changed.values()].filter((l) => !old.has(l.import)).map(keep),
  ];
  return { items, missing };
}
