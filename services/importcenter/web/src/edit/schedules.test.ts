import { expect, test } from "vitest";

import { first, kindOf, kinds, readList, readMonthDays } from "./schedules";

test("each kind is recognised again, and what the page cannot edit is none", () => {
  for (const kind of kinds) expect(kindOf(first(kind))).toBe(kind);
  expect(kindOf([{ every: "1h" }, { every: "2h" }])).toBeUndefined();
  expect(kindOf([{ at: "2026-12-01T00:00:00Z" }])).toBeUndefined();
});

test("lists are read as people write them", () => {
  expect(readList(" 09:00, 18:30  22:00")).toEqual(["09:00", "18:30", "22:00"]);
  expect(readMonthDays("1, 15 last x")).toEqual([1, 15, "last", 0]);
  expect(readList("")).toEqual([]);
});
