import { expect, test } from "vitest";

import { count, health, rows, share } from "./number";

test("health is never rounded up", () => {
  expect(health(1)).toBe("100 %");
  expect(health(0.99999)).toBe("99.99 %");
  expect(health(1 - 1e-13)).toBe("99.99 %");
  expect(health(0.5)).toBe("50 %");
  expect(health(0.999)).toBe("99.9 %");
  expect(health(0)).toBe("0 %");
  // A product that binary fractions cannot hold: 0.0029 * 10000 is 28.999999999999996.
  expect(health(0.0029)).toBe("0.29 %");
});

test("counts have separators and units", () => {
  expect(count(1234567)).toBe("1,234,567");
  expect(rows(1)).toBe("1 row");
  expect(rows(0, "event")).toBe("0 events");
});

test("a share of rejects is never rounded to none", () => {
  expect(share(0)).toBe("0 %");
  expect(share(0.000001)).toBe("0.01 %");
  expect(share(0.0101)).toBe("1.01 %");
  expect(share(1)).toBe("100 %");
});
