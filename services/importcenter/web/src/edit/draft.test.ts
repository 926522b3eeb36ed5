import { expect, test } from "vitest";

import { begin, differences, documentOf, fromDefinition, nameOf, switchType } from "./draft";
import type { Draft } from "./draft";

test("a nickname becomes a name", () => {
  expect(nameOf("  Customers of Übersee!! ")).toBe("customers-of-u-bersee");
  expect(nameOf("")).toBe("");
  expect(nameOf("日本")).toBe("");
  expect(nameOf("a".repeat(39) + "--b")).toBe("a".repeat(39));
  expect(nameOf("<script>alert(1)</script>")).toBe("script-alert-1-script");
});

const draft: Draft = {
  ...begin("Orders", "event", "warehouse", "eu", "UTC"),
  spec: {
    timezone: "UTC",
    source: { connectionRef: "warehouse", table: "SHOP.PUBLIC.ORDERS", cursor: { column: "UPDATED_AT", lookback: "15m" } },
    destination: { accountRef: "eu", type: "event", event: { name: "Charged", createdOn: { column: "AT" } }, onOutsideRetention: "skip" },
    identity: { column: "ID" },
    mapping: [{ from: "A", to: "a" }, { from: "B", to: "B" }, { from: "C", to: "c", type: "float" }, { value: false, to: "flag" }, { from: "D -> E", to: "d" }],
  },
};

test("a document says what was said, and no more", () => {
  expect(documentOf(draft, true)).toEqual({
    apiVersion: "tapline.dev/v1alpha1",
    kind: "Import",
    metadata: { name: "orders", displayName: "Orders" },
    spec: {
      draft: true,
      timezone: "UTC",
      source: { connectionRef: "warehouse", table: "SHOP.PUBLIC.ORDERS", cursor: { column: "UPDATED_AT", lookback: "15m" } },
      destination: { accountRef: "eu", type: "event", event: { name: "Charged", createdOn: { column: "AT" } }, onOutsideRetention: "skip" },
      identity: { column: "ID" },
      mapping: ["A -> a", "B", { from: "C", to: "c", type: "float" }, { value: false, to: "flag" }, { from: "D -> E", to: "d" }],
    },
  });
  const empty = documentOf(begin("X", "profile", "w", "a", ""), true);
  expect(empty.spec).toEqual({ draft: true, source: { connectionRef: "w" }, destination: { accountRef: "a", type: "profile" } });
  expect((documentOf(begin("X", "profile", "w", "a", ""), false).spec as { mapping: unknown }).mapping).toEqual([]);
});

test("a definition that is read and written again stays", () => {
  const definition = { apiVersion: "", kind: "Import", generation: 3, appliedAt: "", metadata: { name: "orders", displayName: "Orders", labels: { team: "shop" } }, spec: { ...draft.spec, draft: true } };
  const read = fromDefinition(definition);
  expect(read.spec.draft).toBeUndefined();
  expect(documentOf(read, false).spec).toEqual(documentOf({ ...draft }, false).spec);
  expect(documentOf(read, false).metadata).toEqual({ name: "orders", displayName: "Orders", labels: { team: "shop" } });
});

test("switching the type keeps what fits and names what does not", () => {
  const { spec, lost } = switchType(draft.spec, "profile", "Orders");
  expect(spec.destination).toEqual({ accountRef: "eu", type: "profile" });
  expect(spec.mapping).toEqual(draft.spec.mapping);
  expect(spec.source).toEqual(draft.spec.source);
  expect(lost).toEqual(["the event's name Charged", "Created On from AT", "what is done with events that are too old"]);
  const back = switchType({ ...spec, mapping: [{ from: "V", to: "visits", op: "incr" }] }, "event", "Orders");
  expect(back.spec.destination.event).toEqual({ name: "Orders" });
  expect(back.spec.mapping).toEqual([{ from: "V", to: "visits" }]);
  expect(back.lost).toEqual(["the operator incr of visits"]);
  expect(switchType(draft.spec, "event", "x").lost).toEqual([]);
});

test("differences are named by their paths", () => {
  expect(differences({ a: 1, b: { c: 2 } }, { a: 1, b: { c: 3 }, d: 4 })).toEqual([
    { path: "b.c", mine: 2, theirs: 3 },
    { path: "d", mine: undefined, theirs: 4 },
  ]);
  expect(differences([1], [1])).toEqual([]);
});
