import { expect, test } from "vitest";

import { changeLine, gridRows, lineOf, mapColumn, sampled, shorten, takeSuggestions, typeName } from "./grid";
import type { Column } from "./grid";

const column = (name: string, type = "TEXT"): Column => ({ name, type, precision: 12, scale: 2, nullable: true, nulls: 0 });

test("lines stand beside their columns, and those of none come last", () => {
  const rows = gridRows([column("ID"), column("EMAIL"), column("Plan"), column("PLAN")], [{ from: "email", to: "Email" }, { from: "PLAN", to: "plan" }, { expr: "1", to: "one" }, { from: "LOST", to: "lost" }, { from: "EMAIL", to: "mail" }]);
  expect(rows.map((r) => [r.column?.name, r.line, r.gone])).toEqual([
    ["ID", undefined, undefined],
    ["EMAIL", 0, undefined],
    ["EMAIL", 4, undefined],
    ["Plan", undefined, undefined],
    ["PLAN", 1, undefined],
    [undefined, 2, undefined],
    [undefined, 3, true],
  ]);
  expect(new Set(rows.map((r) => r.key)).size).toBe(rows.length);
});

test("a sample shows different values, NULLs and no half characters", () => {
  const got = sampled([column("A"), column("B", "FIXED")], [{ A: "x", B: 1.5 }, { A: "x", B: null }, { A: "😀".repeat(30) }, null]);
  expect(got.get("A")).toEqual({ values: ["x", `${"😀".repeat(23)}…`], nulls: 0, distinct: 2, of: 3 });
  expect(got.get("B")).toEqual({ values: ["1.5"], nulls: 2, distinct: 1, of: 3 });
  expect(shorten("abc", 3)).toBe("abc");
  expect(shorten("😀".repeat(100_000), 3)).toBe("😀😀…");
});

test("a line is changed, and what is emptied is gone", () => {
  expect(changeLine([{ from: "A", to: "a", type: "float" }], 0, { type: "", onNull: "reject" })).toEqual([{ from: "A", to: "a", onNull: "reject" }]);
  expect(changeLine([{ value: false, to: "a" }], 0, { to: "b" })).toEqual([{ value: false, to: "b" }]);
  expect(changeLine([{ value: "", to: "" }], 0, { to: "b" })).toEqual([{ value: "", to: "b" }]);
  expect(mapColumn([], column("PLAN_TIER"))).toEqual([{ from: "PLAN_TIER", to: "plan tier" }]);
});

test("only sure suggestions for free columns and free names are taken", () => {
  const s = (from: string, to: string, sure: boolean) => ({ property: { from, to }, sure });
  expect(takeSuggestions([{ from: "A", to: "a" }, { from: "X", to: "b" }], [s("a", "A2", true), s("B", "B", true), s("C", "c", false), s("D", "d", true)])).toEqual([
    { from: "A", to: "a" },
    { from: "X", to: "b" },
    { from: "D", to: "d" },
  ]);
});

test("types and problems are read", () => {
  expect(typeName(column("A", "FIXED"))).toBe("NUMBER(12,2)");
  expect(typeName(column("A", "REAL"))).toBe("FLOAT");
  expect(lineOf("documents[0].spec.mapping[12].to")).toBe(12);
  expect(lineOf("documents[0].spec.source.query")).toBeUndefined();
});
