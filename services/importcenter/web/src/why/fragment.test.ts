import { expect, test } from "vitest";

import { identityOf } from "./fragment";

test("an identity is read as it was written, with its blanks and signs", () => {
  for (const identity of ["42", " a+b&c=d ", "Ünïcode%", "a#b"]) {
    expect(identityOf(`identity=${encodeURIComponent(identity)}`)).toBe(identity);
    expect(identityOf(`#identity=${encodeURIComponent(identity)}`)).toBe(identity);
  }
  expect(identityOf("")).toBe("");
});
