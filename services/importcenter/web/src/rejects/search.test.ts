import { expect, test } from "vitest";

import { commandOf, readRejectSearch } from "./search";

test("an address holds the filters of the API, and nothing else", () => {
  expect(readRejectSearch({ run: "a.1", code: "date_format", column: 2024, stage: "map", state: "open", other: "x" })).toEqual({ run: "a.1", code: "date_format", column: "2024", stage: "map", state: "open" });
  expect(readRejectSearch({ run: "", stage: "send", state: 5 })).toEqual({});
});

test("the command names what the address holds", () => {
  expect(commandOf("tapline replay", "customers", { run: "customers.1", code: "email_invalid" })).toBe("tapline replay customers --run customers.1 --code email_invalid");
});
