import { expect, test } from "vitest";

import { accessible, api, open } from "./browser";
import { account, importOf, slow, to, unique } from "./world";

interface Freezes { items: { account?: string; reason?: string }[] }
interface Keys { items: { name: string; role: string }[] }

test("a connection and an account are tested, and the doctor looks", async () => {
  const page = await open("/connections");
  await page.getByRole("button", { name: "Test warehouse" }).click();
  await page.getByText(/Signed in as/).waitFor(slow);
  await page.getByRole("link", { name: "Accounts" }).click();
  await page.getByRole("button", { name: "Test clevertap" }).click();
  await page.getByRole("region", { name: "clevertap" }).getByRole("cell", { name: "fine" }).first().waitFor(slow);
  await page.getByRole("link", { name: "Doctor" }).click();
  await page.getByRole("region", { name: "Doctor" }).getByRole("row").nth(1).waitFor(slow);
});

test("an account is frozen with a reason, which all screens show, and released", async () => {
  // One of its own: runs of the demo's would wait.
  const cold = unique("cold");
  await account(cold);
  await importOf(unique("chilled"), to(cold));
  const page = await open("/freezes");
  await page.getByLabel("Account").first().click();
  await page.getByRole("option", { name: cold }).click();
  await page.getByLabel("Reason").fill("a wrong campaign");
  await page.getByRole("button", { name: `Freeze ${cold}` }).click();
  await page.getByRole("cell", { name: "a wrong campaign" }).waitFor(slow);
  expect((await api<Freezes>("/v1/freezes")).items).toMatchObject([{ account: cold, reason: "a wrong campaign" }]);
  const listing = await open("/");
  await listing.getByText("frozen").first().waitFor(slow);
  await page.getByRole("button", { name: /^Unfreeze/ }).click();
  await expect.poll(async () => (await api<Freezes>("/v1/freezes")).items.length, slow).toBe(0);
});

test("a key is made, shown once, and revoked", async () => {
  const page = await open("/keys");
  const name = `page-${Date.now().toString(36)}`;
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByRole("button", { name: "Make a key" }).click();
  await page.getByText("The key is shown this once").waitFor(slow);
  expect((await api<Keys>("/v1/keys")).items.find((k) => k.name === name)?.role).toBe("viewer");
  await page.getByRole("button", { name: `Revoke ${name}` }).click();
  await expect.poll(async () => (await api<Keys>("/v1/keys")).items.some((k) => k.name === name), slow).toBe(false);
  await page.getByRole("link", { name: "Audit" }).click();
  await page.getByLabel("What, by its name").fill(name);
  await page.getByRole("table").getByText(name).first().waitFor(slow);
});

for (const path of ["/connections", "/accounts", "/freezes", "/keys", "/audit", "/doctor", "/new"]) {
  test(`${path} has no serious accessibility finding`, async () => {
    const page = await open(path);
    // Of hundreds of entries axe would look at each.
    if (path === "/audit") await page.getByLabel("What, by its name").fill("warehouse");
    await accessible(page);
  });
}
