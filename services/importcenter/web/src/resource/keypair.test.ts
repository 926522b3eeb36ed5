import { createHash, createPrivateKey, createPublicKey } from "node:crypto";

import { expect, test } from "vitest";

import { makeKeyPair, statement } from "./keypair";

test("the halves belong together, and the fingerprint is Snowflake's", async () => {
  const pair = await makeKeyPair();
  const open = createPublicKey(createPrivateKey(pair.pem)).export({ type: "spki", format: "der" });
  expect(open.toString("base64")).toBe(pair.publicKey);
  expect(pair.fingerprint).toBe(`SHA256:${createHash("sha256").update(open).digest("base64")}`);
});

test("a user's name cannot break the statement", () => {
  expect(statement("tapline", "KEY", false)).toBe("ALTER USER TAPLINE SET RSA_PUBLIC_KEY='KEY';");
  expect(statement('a" SET x', "KEY", true)).toBe(`ALTER USER "a"" SET x" SET RSA_PUBLIC_KEY_2='KEY';`);
});
