import { expect, test } from "vitest";

import type { Listing } from "../api/client";
import { readSearch, select } from "./filter";

function listing(name: string, more: Partial<Listing> = {}): Listing {
  return {
    import: name, type: "profile", status: "Ready", schedule: "", health: null, lastRunAt: null, nextRunAt: null,
    watermark: "", epoch: 1, generation: 1, ...more,
  };
}

const all = [
  listing("orders", { type: "event", status: "Paused", health: 0.5, nextRunAt: "2026-11-30T12:00:00Z" }),
  listing("customers", { displayName: "All people", health: 1 }),
  listing("crm", { health: null, nextRunAt: "2026-11-30T11:00:00+05:30" }),
];
const names = (l: Listing[]) => l.map((i) => i.import);

test("text is looked for in names and nicknames, whatever its case", () => {
  expect(names(select(all, { q: "PEOPLE" }))).toEqual(["customers"]);
  expect(names(select(all, { q: "c" }))).toEqual(["customers", "crm"]);
  expect(select(all, { q: "nothing" })).toEqual([]);
});

test("filters hold together", () => {
  expect(names(select(all, { type: "event", status: "Paused" }))).toEqual(["orders"]);
  expect(select(all, { type: "event", status: "Ready" })).toEqual([]);
});

test("what the imports have can be chosen", () => {
  const owned = [listing("a", { owner: "growth", condition: "red" }), listing("b", { owner: "shop", condition: "red" })];
  expect(names(select(owned, { condition: "red" }))).toEqual(["a", "b"]);
  expect(names(select(owned, { condition: "red", owner: "shop" }))).toEqual(["b"]);
  expect(readSearch({ condition: "red", owner: "", datasource: 5 })).toEqual({ condition: "red" });
});

test("instants are compared as instants, and what has none comes last both ways", () => {
  expect(names(select(all, { sort: "next" }))).toEqual(["crm", "orders", "customers"]);
  expect(names(select(all, { sort: "next", down: true }))).toEqual(["orders", "crm", "customers"]);
  expect(names(select(all, { sort: "health", down: true }))).toEqual(["customers", "orders", "crm"]);
});

test("an address that somebody mistyped shows everything", () => {
  expect(readSearch({ sort: "colour", status: 5, down: "yes", q: "" })).toEqual({});
  // A search for 42 arrives as a number.
  expect(readSearch({ q: 42, sort: "last", down: true })).toEqual({ q: "42", sort: "last", down: true });
});

test("the rarer filters: nickname, age, and days of which the last one counts", () => {
  const some = [
    listing("a", { displayName: "Shop", createdAt: "2026-11-29T12:00:00Z", freshnessSeconds: 7200, partner: "Snowflake" }),
    listing("b", { createdAt: "2026-11-30T12:00:00Z", freshnessSeconds: 60, createdBy: "maya" }),
    listing("c"),
  ];
  expect(names(select(some, { nickname: "sho" }))).toEqual(["a"]);
  expect(names(select(some, { freshnessOver: 3600 }))).toEqual(["a"]);
  expect(names(select(some, { partner: "Snowflake" }))).toEqual(["a"]);
  expect(names(select([listing("x", { frequency: "manual" }), listing("y", { frequency: "repeatIntervals" })], { frequency: "manual" }))).toEqual(["x"]);
  expect(names(select(some, { createdBy: "maya" }))).toEqual(["b"]);
  expect(names(select(some, { createdAfter: "2026-11-29", createdBefore: "2026-11-29" }))).toEqual(["a"]);
  expect(names(select(some, { createdAfter: "2026-11-30" }))).toEqual(["b"]);
  expect(readSearch({ createdAfter: "2026-11-30", lastRunBefore: "yesterday", freshnessOver: "3600", nickname: 7 })).toEqual({ createdAfter: "2026-11-30", freshnessOver: 3600, nickname: "7" });
});
