import { expect, test } from "vitest";

import { atFirst } from "./account";

test("nobody fills production by not choosing", () => {
  const account = (name: string, environment?: string) => ({ metadata: { name }, spec: { environment } });
  expect(atFirst([account("a", "production"), account("b", "test")])).toBe("b");
  expect(atFirst([account("a", "production"), account("b")])).toBe("b");
  expect(atFirst([account("a", "production")])).toBe("a");
  expect(atFirst([])).toBe("");
});
