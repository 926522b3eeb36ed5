import { createPrivateKey, createPublicKey } from "node:crypto";
import { readFile } from "node:fs/promises";

import { expect, test } from "vitest";

import { accessible, api, open } from "./browser";
import { account, importOf, ran, slow, to, unique } from "./world";

interface Resource { spec: Record<string, unknown> }
interface Suppressions { entries: number }
interface Run { run: string; counts: { loaded: number; extractSkipped?: number }; skippedByReason: Record<string, number> }

test("a key pair is made in the browser: the private half is downloaded and sent nowhere", async () => {
  // After the demo's in the alphabet: a new import has the first connection at first, and this one has no key.
  const name = unique("wharf");
  const page = await open("/connections");
  let sent = "";
  page.on("request", (r) => { sent += `${r.url()} ${r.postData() ?? ""}\n`; });
  await page.getByRole("link", { name: "New connection" }).click();
  await page.getByLabel("Name", { exact: true }).fill(name);
  const demo = await api<Resource>("/v1/connections/warehouse");
  for (const [label, key] of [["Account", "account"], ["User", "user"], ["Warehouse", "warehouse"], ["Database", "database"]] as const) await page.getByLabel(label, { exact: true }).fill(String(demo.spec[key]));
  await page.getByRole("button", { name: "Make a key pair" }).click();
  const sql = await page.getByText(/^ALTER USER TAPLINE SET RSA_PUBLIC_KEY=/).textContent({ timeout: 30_000 });
  const arrives = page.waitForEvent("download");
  await page.getByRole("button", { name: "Download the private key" }).click();
  const pem = await readFile(await (await arrives).path(), "utf8");
  const open_ = createPublicKey(createPrivateKey(pem)).export({ type: "spki", format: "der" }).toString("base64");
  expect(sql).toContain(`'${open_}'`);
  await accessible(page);
  await page.getByLabel("Where the extractor finds it").fill("ref+env://SNOWFLAKE_LAKE_KEY");
  await page.getByRole("button", { name: "Use this reference" }).click();
  await page.getByRole("button", { name: "Apply", exact: true }).click();
  await page.getByRole("rowheader", { name }).waitFor(slow);
  expect((await api<Resource>(`/v1/connections/${name}`)).spec).toMatchObject({ privateKey: "ref+env://SNOWFLAKE_LAKE_KEY", user: "TAPLINE" });
  for (const line of pem.split("\n").slice(1, -2)) expect(sent).not.toContain(line);

  // Rotation: the present key stays as the second one.
  await page.getByRole("link", { name: `Change ${name}` }).click();
  await page.getByRole("button", { name: "Make a key pair" }).click();
  await page.getByText(/^ALTER USER TAPLINE SET RSA_PUBLIC_KEY_2=/).waitFor(slow);
  await page.getByLabel("Where the extractor finds it").fill("ref+env://SNOWFLAKE_LAKE_KEY2");
  await page.getByRole("button", { name: "Use this reference" }).click();
  await page.getByRole("button", { name: "Apply", exact: true }).click();
  await expect.poll(async () => (await api<Resource>(`/v1/connections/${name}`)).spec, slow).toMatchObject({ privateKey: "ref+env://SNOWFLAKE_LAKE_KEY2", secondPrivateKey: "ref+env://SNOWFLAKE_LAKE_KEY" });
}, 90_000);

test("an account is changed, and what the API refuses stands at its field", async () => {
  const name = unique("shop");
  await account(name);
  const page = await open(`/accounts/${name}`);
  await page.getByLabel("Slots: requests at once").fill("many");
  await page.getByRole("button", { name: "Apply", exact: true }).click();
  await page.locator(".mantine-InputWrapper-error").first().waitFor(slow);
  expect((await api<Resource>(`/v1/accounts/${name}`)).spec["slots"]).toBeUndefined();
  await page.getByLabel("Slots: requests at once").fill("2");
  await page.getByRole("combobox", { name: "Environment" }).click();
  await page.getByRole("option", { name: "production" }).click();
  await accessible(page);
  await page.getByRole("button", { name: "Apply", exact: true }).click();
  await page.getByRole("row", { name }).getByText("Production").waitFor(slow);
  expect((await api<Resource>(`/v1/accounts/${name}`)).spec).toMatchObject({ slots: 2, environment: "production" });
});

test("a suppressed person is not sent, and is again once taken off the list", async () => {
  const [name, cold, property] = [unique("quiet"), unique("quiet"), unique("quiet")];
  await account(cold);
  const spec = { source: { connectionRef: "warehouse", query: "select CUSTOMER_ID, PLAN from CUSTOMERS where CUSTOMER_ID between 60 and 69" }, mapping: [{ from: "PLAN", to: property }], ...to(cold) };
  await importOf(name, spec);
  const page = await open("/suppression");
  let addresses = "";
  page.on("request", (r) => { addresses += r.url(); });
  await page.getByRole("combobox", { name: "Account" }).click();
  await page.getByRole("option", { name: cold }).click();
  await page.getByLabel("Identities").fill("61\n62\n\n");
  await page.getByRole("button", { name: `Suppress 2 people for ${cold}` }).click();
  await page.getByText("2 added, 0 were on the list already.").waitFor(slow);
  expect((await api<Suppressions>(`/v1/accounts/${cold}/suppressions`)).entries).toBe(2);
  const first = (await ran(name)) as unknown as Run;
  expect(first.counts.loaded).toBe(8);
  expect(first.skippedByReason).toMatchObject({ suppressed: 2 });
  await page.getByLabel("Identities").fill("61\n65");
  await page.getByRole("button", { name: "Check" }).click();
  await page.getByRole("row", { name: "65 not suppressed" }).waitFor(slow);
  await accessible(page);
  await page.getByLabel("Identities").fill("61\n62");
  await page.getByRole("button", { name: "Take off the list" }).click();
  await page.getByText("2 taken off, 0 were not on the list.").waitFor(slow);
  expect((await api<Suppressions>(`/v1/accounts/${cold}/suppressions`)).entries).toBe(0);
  expect(((await ran(name)) as unknown as Run).counts.loaded).toBe(2);
  expect(addresses).not.toMatch(/\b6[125]\b/);
});

for (const path of ["/approvals", "/sessions", "/connections/warehouse", "/new/account"]) {
  test(`${path} has no serious accessibility finding`, async () => {
    await accessible(await open(path));
  });
}
