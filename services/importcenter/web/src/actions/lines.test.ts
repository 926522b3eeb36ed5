import { expect, test } from "vitest";

import { linesOf } from "./lines";

test("each line that says something is a value, once", () => {
  expect(linesOf(" 7 \n\r\n7\n\n0042 \n")).toEqual(["7", "0042"]);
  expect(linesOf("  \n")).toEqual([]);
});
