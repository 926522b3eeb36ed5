import { expect, test } from "vitest";

import type { Listing } from "./client";
import { asTold, merged } from "./listing";

function listing(name: string, more: Partial<Listing> = {}): Listing {
  return {
    import: name, type: "profile", status: "Ready", schedule: "", health: null, lastRunAt: null, nextRunAt: null,
    watermark: "", epoch: 1, generation: 1, ...more,
  };
}

const recent = [{ run: "a.1", state: "succeeded", loaded: 1, failed: 0, seconds: 1, startedAt: "2026-11-30T10:00:00Z" }];

test("what changed is laid over what is shown, and the last runs stay until they are asked for", () => {
  const shown = [listing("a", { recent, lastRun: "a.1", lastRunState: "succeeded" }), listing("b")];
  const same = merged(shown, { items: [listing("a", { status: "Paused", lastRun: "a.1", lastRunState: "succeeded" })], removed: [] });
  expect(same.items.map((l) => [l.import, l.status, l.recent?.length])).toEqual([["a", "Paused", 1], ["b", "Ready", undefined]]);
  expect(same.missing).toBe(false);
  expect(merged(shown, { items: [listing("a", { lastRun: "a.2", lastRunState: "extracting" })], removed: [] }).missing).toBe(true);
});

test("imports come and go", () => {
  const shown = [listing("a"), listing("b")];
  expect(merged(shown, { items: [listing("c")], removed: ["a"] }).items.map((l) => l.import)).toEqual(["b", "c"]);
  expect(merged(shown, { items: [listing("b"), listing("d")], removed: [], complete: true }).items.map((l) => l.import)).toEqual(["b", "d"]);
  expect(merged([], { items: [listing("b", { lastRun: "b.1" })], removed: [] }).missing).toBe(true);
});

test("an answer that was worked out before the stream spoke changes nothing but what the stream does not carry", () => {
  const told = [listing("a", { status: "Paused", watermark: "2" }), listing("new")];
  const answer = [listing("a", { status: "Ready", watermark: "2", freshnessSeconds: 5, recent }), listing("gone")];
  expect(asTold(answer, told).map((l) => [l.import, l.status, l.freshnessSeconds, l.recent?.length])).toEqual([["a", "Paused", 5, 1], ["new", "Ready", undefined, undefined]]);
  expect(asTold([listing("a", { watermark: "1", freshnessSeconds: 9000 })], told)[0]?.freshnessSeconds).toBeUndefined();
  expect(asTold(answer, undefined)).toBe(answer);
});
