import { expect, test } from "vitest";

import { groupsOf } from "./dryrun";

test("what failed is gathered by code and property, the most rows first", () => {
  const c = (code: string, property: string) => ({ stage: "map", code, column: "C", property, reason: code });
  const got = groupsOf({
    rows: [
      { row: {}, rejects: [c("type_mismatch", "a"), c("type_mismatch", "a")] },
      { row: {}, record: {} },
      { row: {}, rejects: [c("identity_missing", "")] },
      { row: {}, rejects: [c("type_mismatch", "a")], omitted: [c("date_format", "b")] },
    ],
  });
  expect(got.map((g) => [g.code, g.property, g.rows])).toEqual([
    ["type_mismatch", "a", [0, 3]],
    ["date_format", "b", [3]],
    ["identity_missing", "", [2]],
  ]);
});
