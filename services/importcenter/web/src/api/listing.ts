import type { Listing, Schemas } from "./client";

export type Change = Schemas["ImportsEvent"];

/**
 * asTold lays what the stream has said since it began over an answer, which may have been worked out
 * before and arrive after. The answer gives what the stream does not carry: the last runs, and how
 * fresh a row is.
 */
export function asTold(answer: Listing[], told: Listing[] | undefined): Listing[] {
  if (told === undefined) return answer;
  const answered = new Map(answer.map((l) => [l.import, l]));
  return told.map((l) => {
    const a = answered.get(l.import);
    if (a === undefined) return l;
    return {
      ...l,
      ...(a.recent === undefined ? {} : { recent: a.recent }),
      ...(a.freshnessSeconds === undefined || a.watermark !== l.watermark ? {} : { freshnessSeconds: a.freshnessSeconds }),
    };
  });
}

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
