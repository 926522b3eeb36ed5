import { expect, test } from "vitest";

import type { Listing } from "../api/client";
import { whyOf } from "./attention";

const base: Listing = { import: "a", type: "profile", status: "Ready", schedule: "", health: 1, lastRunAt: null, nextRunAt: null, watermark: "", epoch: 1, generation: 1 };

test("one sentence says why an import is as it is: what a person has to do comes first", () => {
  const hold = { code: "rows_grew", reason: "12 times as many rows", records: 1, since: "2026-11-30T10:00:00Z" };
  expect(whyOf({ ...base, condition: "red", conditionReason: "40 % of the records got through" })).toBe("40 % of the records got through");
  expect(whyOf({ ...base, condition: "yellow", conditionReason: "97.64 % of the records got through; 59 rows are rejected" })).toBe("59 rows are rejected");
  expect(whyOf({ ...base, condition: "green", conditionReason: "100 % of the records got through" })).toBe("");
  expect(whyOf({ ...base, hold, conditionReason: "x" })).toBe("held: 12 times as many rows");
  expect(whyOf({ ...base, frozen: { name: "f", by: "a", since: "", reason: "sale" } })).toBe("frozen: sale");
  expect(whyOf({ ...base, waiting: { account: "eu", reason: "HTTP 401", since: "" } })).toBe("waits for eu: HTTP 401");
  expect(whyOf(base)).toBe("");
});
