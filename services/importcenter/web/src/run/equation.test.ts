import { expect, test } from "vitest";

import type { Counts } from "../api/client";
import { outcomesOf, stagesOf } from "./equation";

const counts: Counts = {
  read: 100, extracted: 80, unchanged: 10, stillRejected: 2, future: 3, extractRejected: 4, extractSkipped: 1,
  mapped: 75, mapRejected: 3, mapSkipped: 2, loaded: 60, loadRejected: 5, loadSkipped: 0, resent: 0,
};

test("every row read has one outcome or is pending", () => {
  const o = outcomesOf(counts);
  expect(o).toEqual({ read: 100, loaded: 60, unchanged: 10, rejected: 12, stillRejected: 2, skipped: 3, future: 3, pending: 10 });
  expect(o.loaded + o.unchanged + o.rejected + o.stillRejected + o.skipped + o.future + o.pending).toBe(o.read);
});

test("each stage passes on, ends or keeps what came in", () => {
  for (const s of stagesOf(counts)) {
    expect(s.went + s.waiting + s.ended.reduce((sum, e) => sum + e.rows, 0)).toBe(s.came);
  }
  expect(stagesOf(counts).map((s) => s.waiting)).toEqual([0, 0, 10]);
});

test("a stage that has counted more than the one before reports nothing as waiting", () => {
  const early = { ...counts, extracted: 70 };
  expect(stagesOf(early)[1]?.waiting).toBe(0);
});

test("reports of fields that older versions lack count as none", () => {
  const { stillRejected: _, extractSkipped: __, ...older } = counts;
  expect(outcomesOf(older).stillRejected).toBe(0);
});
