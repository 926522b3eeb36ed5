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
  expect(needs([listing("a"), listing("b", { health: 1, lastRunState: "succeeded" }), listing("c", { health: 0.5 })])).toEqual([]);
});

test("what waits for a person comes before what failed, and that before lost rows", () => {
  const hold = { code: "events_repeat", reason: "12 times as many rows as usual", records: 12, since: "2026-11-30T10:00:00Z" };
  const found = needs([
    listing("low", { health: 0.4999 }),
    listing("broken", { lastRunState: "failed", lastRun: "broken.7" }),
    listing("orders", { hold, lastRunState: "failed" }),
  ]);
  expect(found.map((n) => n.import)).toEqual(["orders", "broken", "low"]);
  expect(found[0]?.why).toBe("held: 12 times as many rows as usual");
  expect(found[1]).toEqual({ import: "broken", why: "the last run failed", run: "broken.7" });
  expect(found[2]?.why).toBe("50.01 % rejected");
});
