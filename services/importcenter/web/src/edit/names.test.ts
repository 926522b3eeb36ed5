import { expect, test } from "vitest";

import { fullName, lastPart, quoted, sandboxOf } from "./names";

test("names are quoted where Snowflake would read them otherwise", () => {
  expect(quoted("CUSTOMERS")).toBe("CUSTOMERS");
  expect(quoted("customers")).toBe('"customers"');
  expect(quoted('a"b.c')).toBe('"a""b.c"');
  expect(fullName({ database: "SHOP", schema: "Mixed Case", name: "T1" })).toBe('SHOP."Mixed Case".T1');
  expect(fullName({ database: "SHOP" })).toBe("SHOP");
});

test("a search takes the last part that was typed", () => {
  expect(lastPart("cust")).toBe("cust");
  expect(lastPart("SHOP.PUBLIC.cust")).toBe("cust");
  expect(lastPart('SHOP."a.b"."x""y')).toBe('x"y');
  expect(lastPart("SHOP.")).toBe("");
});

test("only a stand-in on this machine takes files", () => {
  expect(sandboxOf({ host: "127.0.0.1", port: 19003, protocol: "http" })).toBe("http://127.0.0.1:19003/");
  expect(sandboxOf({ account: "acme" })).toBeUndefined();
  expect(sandboxOf({ host: "snowflake.example.com", port: 80, protocol: "http" })).toBeUndefined();
  expect(sandboxOf({ host: "127.0.0.1", port: 443 })).toBeUndefined();
  expect(sandboxOf(undefined)).toBeUndefined();
});
