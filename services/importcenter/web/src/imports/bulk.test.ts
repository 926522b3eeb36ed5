import { expect, test } from "vitest";

import { ApiError } from "../api/client";
import type { Problem } from "../api/client";
import { each } from "./bulk";

const problem = (more: Partial<Problem>): ApiError => new ApiError({ type: "", title: "", status: 409, code: "internal", detail: "it is paused", ...more });

test("one that is refused or asks first keeps none of the others back", async () => {
  const sent: string[] = [];
  const confirmation = { account: "shop", action: "run", import: "c", type: "profile" as const, sentences: [], recentKnown: false, recordsKnown: false };
  const outcomes = await each("run", ["a", "b", "c", "d", "e", "f"], async (_, name) => {
    sent.push(name);
    if (name === "b") throw problem({});
    if (name === "c") throw problem({ status: 428, detail: "it asks", confirmation });
  });
  expect(sent.sort()).toEqual(["a", "b", "c", "d", "e", "f"]);
  expect(outcomes).toEqual([{ import: "a" }, { import: "b", refused: "it is paused" }, { import: "c", refused: "it asks", asks: true }, { import: "d" }, { import: "e" }, { import: "f" }]);
});

test("what is no answer of the API is not taken for a refusal", async () => {
  await expect(each("pause", ["a"], () => Promise.reject(new TypeError("x")))).rejects.toThrow("x");
});
