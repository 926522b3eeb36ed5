import { expect, test } from "vitest";

import { checksOf } from "./checks";
import type { Tried } from "./requests";

const check = (property: string, code: string) => ({ stage: "map", code, column: "EMAIL", property, reason: "why" });

test("each line gets what fails in it, with the value", () => {
  const tried: Tried = {
    problems: [],
    properties: [
      { result: "error", column: "EMAIL", property: "Email", type: "string", failing: 2, omitted: 0, code: "email_invalid", reason: "why" },
      { result: "success", column: "PLAN", property: "plan", type: "string", failing: 0, omitted: 1, code: "type_mismatch", reason: "why" },
    ],
    rows: [{ record: {} }, { rejects: [check("Email", "email_invalid")] }, { rejects: [check("Email", "email_invalid")], omitted: [check("plan", "type_mismatch")] }],
  };
  const got = checksOf([{ from: "EMAIL", to: "email" }, { from: "PLAN", to: "plan" }, { from: "X", to: "x" }], tried, [{ EMAIL: "a@b.c" }, { EMAIL: "n/a" }, { EMAIL: "n/a", PLAN: 3 }]);
  expect(got.get(0)).toEqual({ fine: 1, failing: 2, omitted: 0, code: "email_invalid", reason: "why", value: '"n/a"', times: 2, problem: "" });
  expect(got.get(1)).toMatchObject({ fine: 2, omitted: 1, value: "3", times: 1 });
  expect(got.get(2)).toBeUndefined();
});

test("a line that cannot be tried says why", () => {
  const tried: Tried = { problems: [{ location: "documents[0].spec.mapping[1].to", message: "two lines write a" }, { location: "spec.source", message: "x" }], properties: [], rows: [] };
  const got = checksOf([{ from: "A", to: "a" }, { from: "B", to: "a" }], tried, []);
  expect([...got.keys()]).toEqual([1]);
  expect(got.get(1)?.problem).toBe("two lines write a");
});
