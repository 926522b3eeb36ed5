import { expect, test } from "vitest";

import { fieldsOf, rotated, withField } from "./fields";

test("fields are those of the schemas", () => {
  const account = fieldsOf("account");
  expect(account.find((f) => f.name === "environment")).toMatchObject({ type: "choice", choices: ["test", "production"] });
  expect(account.find((f) => f.name === "slots")?.type).toBe("number");
  expect(account.find((f) => f.name === "passcode")?.secret).toBe(true);
  expect(fieldsOf("connection").find((f) => f.name === "user")?.type).toBe("text");
});

test("an empty field is left out, and a rotation keeps the present key", () => {
  expect(withField({ user: "A", role: "R" }, "role", "")).toEqual({ user: "A" });
  expect(rotated({ privateKey: "old", user: "A" }, "new")).toEqual({ privateKey: "new", secondPrivateKey: "old", user: "A" });
  expect(rotated({ password: "p" }, "new")).toEqual({ password: "p", privateKey: "new" });
});
