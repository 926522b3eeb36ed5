import { expect, test } from "vitest";

import { untilOf } from "./until";

test("a span counts from now, and an instant is in the viewer's zone", () => {
  const now = Date.parse("2026-11-30T10:00:00Z");
  expect(untilOf("h12", "", now)).toBe("2026-11-30T22:00:00.000Z");
  expect(untilOf("d7", "", now)).toBe("2026-12-07T10:00:00.000Z");
  expect(untilOf("other", "2026-12-01T10:00", now)).toBe(new Date("2026-12-01T10:00").toISOString());
});
