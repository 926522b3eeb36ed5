import { expect, test } from "vitest";

import { absolute, clock, relative, span, took } from "./time";

test("a span has one unit", () => {
  expect(span(0)).toBe("0 s");
  expect(span(89_000)).toBe("89 s");
  expect(span(90_000)).toBe("2 m");
  expect(span(3 * 3_600_000)).toBe("3 h");
  expect(span(5 * 86_400_000)).toBe("5 d");
  expect(span(-5)).toBe("0 s");
});

test("what was short is not nothing", () => {
  expect([0, 4, 420, 3000, 9949, 9960, 12 * 60_000].map(took)).toEqual(["0 s", "< 0.1 s", "0.4 s", "3 s", "9.9 s", "10 s", "12 m"]);
});

test("an instant is seen from now", () => {
  const now = Date.parse("2026-11-30T10:00:00Z");
  expect(relative("2026-11-30T09:56:00Z", now)).toBe("4 m ago");
  expect(relative("2026-11-30T12:00:00Z", now)).toBe("in 2 h");
});

test("an instant is written in the zone that is asked for", () => {
  expect(absolute("2026-11-30T10:00:00Z", "UTC")).toBe("2026-11-30 10:00:00 UTC");
  expect(absolute("2026-11-30T23:30:00Z", "Asia/Kolkata")).toMatch(/^2026-12-01 05:00:00 /);
  // Midnight is 00, which some locales write as 24.
  expect(absolute("2026-11-30T00:00:00Z", "UTC")).toBe("2026-11-30 00:00:00 UTC");
});

test("a time of day is written in the zone that is asked for", () => {
  expect(clock("2026-11-30T23:30:05Z", "Asia/Kolkata")).toBe("05:00:05");
  expect(clock("2026-11-30T00:00:00Z", "UTC")).toBe("00:00:00");
});
