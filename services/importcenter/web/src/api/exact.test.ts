import { expect, test } from "vitest";

import { parseExact } from "./exact";

// The Node.js that runs the tests may be older than the browsers that can do it.
test.runIf("rawJSON" in JSON)("numbers are written as they came", () => {
  const text = '{"a":12345678901234567890,"b":12.50,"c":[1,-0.0],"d":"12.50","e":1e3,"f":true,"g":null}';
  expect(JSON.stringify(parseExact(text))).toBe(text);
});

test("what a number can hold stays a number", () => {
  expect(parseExact('{"a":42,"b":[0.5,"x",null,false]}')).toEqual({ a: 42, b: [0.5, "x", null, false] });
});
