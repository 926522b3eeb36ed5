import { expect, test } from "vitest";

import type { Listing } from "../api/client";
import { needs } from "./attention";

function listing(name: string, more: Partial<Listing> = {}): Listing {
  return {
    import: name, type: "profile", status: "Ready", schedule: "", health: null, lastRunAt: null, nextRunAt: null,
    watermark: "", epoch: 1, generation: 1, ...more,
  };
}

test("imports that are well need nobody", () => {
  expect(needs([listing("a", { condition: "neverRun" }), listing("b", { condition: "green" }), listing("c", { condition: "yellow" }), listing("old")])).toEqual([]);
});

test("what waits for a person comes before what failed, and that before lost rows", () => {
  const found = needs([
    listing("low", { condition: "red", conditionReason: "51 % of the records were rejected" }),
    listing("broken", { condition: "failed", lastRun: "broken.7" }),
    listing("orders", { condition: "held", conditionReason: "12 times as many rows as usual" }),
    listing("asked", { condition: "green", approvals: [{ name: "x", action: "apply", by: "a", since: "2026-11-30T10:00:00Z" }] }),
    listing("cold", { condition: "green", frozen: { name: "f", by: "a", since: "2026-11-30T10:00:00Z", reason: "sale" } }),
  ]);
  expect(found).toEqual([
    { import: "orders", why: "held: 12 times as many rows as usual" },
    { import: "broken", why: "failed", run: "broken.7" },
    { import: "low", why: "rows lost: 51 % of the records were rejected" },
    { import: "asked", why: "waits for a second person" },
    { import: "cold", why: "frozen: sale" },
  ]);
});
