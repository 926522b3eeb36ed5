import { expect, test } from "vitest";

import { pieces, visible } from "./jsonLines";

test("the failing member is marked with everything in it, also inside the record", () => {
  const row = { ID: 1, TAGS: ["a", "b"], NAME: "x" };
  expect(pieces(row, "TAGS").map((p) => p.marked)).toEqual([false, true, false]);
  expect(pieces(row, "TAGS")[1]?.text).toBe('  "TAGS": [\n    "a",\n    "b"\n  ],');
  expect(pieces({ identity: "1", profileData: { Name: null } }, "name").filter((p) => p.marked)).toEqual([{ text: '    "Name": null', marked: true }]);
  expect(pieces(row, undefined)).toHaveLength(1);
  expect(pieces(row, "OTHER")).toHaveLength(1);
});

test("what a text says of other members marks nothing", () => {
  expect(pieces({ NOTE: '"ID": 1', ID: 2 }, "ID").filter((p) => p.marked)).toEqual([{ text: '  "ID": 2', marked: true }]);
});

test("unseen characters are written out, and long values are cut", () => {
  expect(visible("a\u202eb\u200b\u00a0é😀")).toBe("a\\u202eb\\u200b\\u00a0é😀");
  const text = pieces({ LONG: "x".repeat(1_000_000) }, "LONG").map((p) => p.text).join("");
  expect(text.length).toBeLessThan(2200);
  expect(text).toContain("more characters");
});
