import type { Counts } from "../api/client";

/** Outcomes are where the rows of a run went. pending is what has no outcome yet. */
export interface Outcomes {
  read: number;
  loaded: number;
  unchanged: number;
  rejected: number;
  stillRejected: number;
  skipped: number;
  future: number;
  pending: number;
}

/** outcomesOf sums a run's counts by what became of the rows, over all stages. */
export function outcomesOf(c: Counts): Outcomes {
  const known = {
    loaded: c.loaded,
    unchanged: c.unchanged,
    rejected: c.extractRejected + c.mapRejected + c.loadRejected,
    stillRejected: c.stillRejected ?? 0,
    skipped: (c.extractSkipped ?? 0) + c.mapSkipped + c.loadSkipped,
    future: c.future,
  };
  const sum = Object.values(known).reduce((a, b) => a + b, 0);
  return { read: c.read, ...known, pending: Math.max(0, c.read - sum) };
}

/** Stage is one step of a run: what came in, what went on, and what ended there. */
export interface Stage {
  name: "extract" | "map" | "load";
  came: number;
  went: number;
  ended: { word: string; rows: number }[];
  waiting: number;
}

/** stagesOf says for each stage what came in and where it went; the numbers add up. */
export function stagesOf(c: Counts): Stage[] {
  const stage = (name: Stage["name"], came: number, went: number, ended: Stage["ended"]): Stage => {
    const done = went + ended.reduce((sum, e) => sum + e.rows, 0);
    return { name, came, went, ended: ended.filter((e) => e.rows > 0), waiting: Math.max(0, came - done) };
  };
  return [
    stage("extract", c.read, c.extracted, [
      { word: "unchanged", rows: c.unchanged },
      { word: "still rejected", rows: c.stillRejected ?? 0 },
      { word: "future", rows: c.future },
      { word: "rejected", rows: c.extractRejected },
      { word: "skipped", rows: c.extractSkipped ?? 0 },
    ]),
    stage("map", c.extracted, c.mapped, [
      { word: "rejected", rows: c.mapRejected },
      { word: "skipped", rows: c.mapSkipped },
    ]),
    stage("load", c.mapped, c.loaded, [
      { word: "rejected", rows: c.loadRejected },
      { word: "skipped", rows: c.loadSkipped },
    ]),
  ];
}
