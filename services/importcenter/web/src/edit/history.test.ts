import { expect, test } from "vitest";

import { history, record, redo, undo } from "./history";

test("what was done is taken back and done again, in order", () => {
  let h = record(record(history("a"), "b"), "c");
  h = undo(undo(h));
  expect(h.present).toBe("a");
  expect(undo(h)).toBe(h);
  expect(redo(h).present).toBe("b");
  expect(redo(record(h, "x")).present).toBe("x");
  for (let n = 0; n < 500; n++) h = record(h, String(n));
  expect(h.past.length).toBe(200);
});
