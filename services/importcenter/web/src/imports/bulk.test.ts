import { expect, test } from "vitest";

import { ApiError } from "../api/client";
import type { Problem } from "../api/client";
import { each, together } from "./bulk";

const problem = (more: Partial<Problem>): ApiError => new ApiError({ type: "", title: "", status: 409, code: "internal", detail: "it is paused", ...more });

test("one that is refused or asks first keeps none of the others back", async () => {
  const sent: string[] = [];
  const confirmation = { account: "shop", action: "run", import: "c", type: "profile" as const, sentences: [], recentKnown: false, recordsKnown: false };
  const outcomes = await each({ verb: "run", names: ["a", "b", "c", "d", "e", "f"], press: "p" }, async (_, name) => {
    sent.push(name);
    if (name === "b") throw problem({});
    if (name === "c") throw problem({ status: 428, detail: "it asks", confirmation });
  });
  expect(sent.sort()).toEqual(["a", "b", "c", "d", "e", "f"]);
  expect(together(outcomes, [{ import: "c" }])[2]).toEqual({ import: "c" });
  expect(outcomes).toEqual([{ import: "a" }, { import: "b", refused: "it is paused" }, { import: "c", asks: confirmation }, { import: "d" }, { import: "e" }, { import: "f" }]);
});

test("what is no answer of the API is not taken for a refusal", async () => {
  await expect(each({ verb: "pause", names: ["a"], press: "p" }, () => Promise.reject(new TypeError("x")))).rejects.toThrow("x");
});
