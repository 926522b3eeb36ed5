import { expect, test } from "vitest";

import { apart, pointsOf, valuesOf } from "./series";

const volumes = { read: 10, loaded: 9, unchanged: 0, rejected: 1, skipped: 0, future: 0 };
const now = Date.parse("2026-11-30T10:00:00Z");

test("a day without a run is a gap, and no zero", () => {
  const stats = { runs: [], days: [{ day: "2026-11-28", runs: 2, failed: 0, volumes, health: 0.9, duration: { p50: 3, p95: 8, max: 8 } }] };
  const points = pointsOf(stats, 7, now);
  expect(points.map((p) => p.name)).toEqual(["2026-11-24", "2026-11-25", "2026-11-26", "2026-11-27", "2026-11-28", "2026-11-29", "2026-11-30"]);
  expect(valuesOf(points, (p) => p.volumes?.loaded)).toEqual([null, null, null, null, 9, null, null]);
  expect(points[4]).toMatchObject({ health: 90, duration: 3, slow: 8 });
  expect(points[4]).not.toHaveProperty("run");
});

test("runs are points that open", () => {
  const run = { run: "a.1", state: "succeeded", startedAt: "2026-11-30T09:00:00Z", volumes, seconds: 4, freshnessSeconds: 60 };
  expect(pointsOf({ days: [], runs: [run] }, "runs", now)).toEqual([{ at: Date.parse(run.startedAt) / 1000, name: "a.1", run: "a.1", volumes, duration: 4, freshness: 60 }]);
});

test("labels stay apart and in their order", () => {
  expect(apart([50, 10, 12], 14)).toEqual([50, 10, 24]);
  expect(apart([10, 10, 10], 14)).toEqual([10, 24, 38]);
});
