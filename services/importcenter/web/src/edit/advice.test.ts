import { expect, test } from "vitest";

import { ofCursor, ofIdentity } from "./advice";
import type { Column } from "./grid";

const column = (type: string, scale = 0): Column => ({ name: "C", type, precision: 38, scale, nullable: true, nulls: 0 });

test("an identity is judged by its type and by the sample", () => {
  expect(ofIdentity(column("REAL"), undefined, false)[0]?.bad).toBe(true);
  expect(ofIdentity(column("FIXED", 2), undefined, false)[0]?.bad).toBe(true);
  expect(ofIdentity(column("TEXT"), { values: [], nulls: 1, distinct: 8, of: 10 }, false).map((a) => a.text)).toEqual([
    "1 of 10 rows have none: they are rejected as identity_missing.",
    "1 of 9 rows repeat an identity: of a profile's rows the newest wins.",
  ]);
  expect(ofIdentity(column("TEXT"), { values: [], nulls: 0, distinct: 3, of: 10 }, true).map((a) => a.text)).toEqual(["3 people in 10 rows."]);
});

test("a cursor is judged by its type and its NULLs", () => {
  expect(ofCursor(column("TEXT"), undefined)[0]?.bad).toBe(true);
  expect(ofCursor(column("TIMESTAMP_TZ"), undefined)).toEqual([]);
  expect(ofCursor(column("TIMESTAMP_LTZ"), { values: [], nulls: 2, distinct: 3, of: 10 })[0]?.bad).toBe(true);
  expect(ofCursor(column("DATE"), undefined)[0]?.bad).toBe(false);
});
