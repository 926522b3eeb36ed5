import { expect, test } from "vitest";

import { bars } from "./timeline";

test("stages are laid on the run's time, and clocks that differ keep within it", () => {
  const at = (s: number) => new Date(Date.UTC(2026, 10, 30, 10, 0, s)).toISOString();
  const run = { startedAt: at(0), finishedAt: at(10), stages: { load: { first: at(5), last: at(12) }, extract: { first: at(1), last: at(4) } } };
  expect(bars(run, 0)).toEqual([
    { name: "extract", from: 100, to: 400, took: 3000 },
    { name: "load", from: 500, to: 1000, took: 7000 },
  ]);
  expect(bars({ startedAt: at(0), finishedAt: null }, Date.parse(at(5)))).toEqual([]);
});
