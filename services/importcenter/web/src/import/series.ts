import type { Schemas } from "../api/client";

type Stats = Pick<Schemas["Stats"], "days" | "runs">;
type Volumes = Schemas["Volumes"];

/** Period is what charts show: the newest runs one by one, or so many days. */
export type Period = "runs" | 7 | 30 | 90;

/** Point is what a chart shows of a run or of a day. What is absent is a gap, and no zero. */
export interface Point {
  /** Seconds since 1970. */
  at: number;
  name: string;
  /** The run that the point opens; a day opens none. */
  run?: string;
  volumes?: Volumes;
  /** In per cent. */
  health?: number;
  freshness?: number;
  duration?: number;
  /** Of a day: the time of 19 of 20 runs. */
  slow?: number;
}

const day = 86_400;

/** pointsOf are the points of a period, the oldest first. A day without a run is a point without figures. */
export function pointsOf(stats: Stats, period: Period, now: number): Point[] {
  if (period === "runs") return stats.runs.map(ofRun);
  const byDay = new Map(stats.days.map((d) => [d.day, d]));
  const last = Math.floor(now / 1000 / day) * day;
  return Array.from({ length: period }, (_, n) => {
    const at = last - (period - 1 - n) * day;
    const name = new Date(at * 1000).toISOString().slice(0, 10);
    const d = byDay.get(name);
    return d === undefined ? { at, name } : ofDay(at, d);
  });
}

function ofRun(r: Schemas["StatsRun"]): Point {
  return {
    at: Date.parse(r.startedAt) / 1000, name: r.run, run: r.run, volumes: r.volumes, duration: r.seconds,
    ...(r.health === undefined ? {} : { health: 100 * r.health }), ...(r.freshnessSeconds === undefined ? {} : { freshness: r.freshnessSeconds }),
  };
}

function ofDay(at: number, d: Schemas["StatsDay"]): Point {
  return {
    at, name: d.day, volumes: d.volumes,
    ...(d.health === undefined ? {} : { health: 100 * d.health }), ...(d.freshnessSeconds === undefined ? {} : { freshness: d.freshnessSeconds }),
    ...(d.duration === undefined ? {} : { duration: d.duration.p50, slow: d.duration.p95 }),
  };
}

/** valuesOf takes one figure of all points; null is a gap. */
export function valuesOf(points: Point[], of: (p: Point) => number | undefined): (number | null)[] {
  return points.map((p) => of(p) ?? null);
}

/** apart moves labels at these heights down until none covers another, and keeps their order. */
export function apart(heights: number[], least: number): number[] {
  const order = heights.map((_, n) => n).sort((a, b) => (heights[a] ?? 0) - (heights[b] ?? 0));
  const out = [...heights];
  let above = -Infinity;
  for (const n of order) {
    out[n] = Math.max(out[n] ?? 0, above + least);
    above = out[n] ?? 0;
  }
  return out;
}
