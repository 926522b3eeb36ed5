import { expect, test } from "vitest";

import { accessible, api, open, settled } from "./browser";

interface RunOf { run: string; state: string; counts: { loaded: number; read: number; mapRejected: number } }
interface Runs { items: RunOf[] }
interface Listings { items: { import: string; status: string }[] }

const statusOf = async (name: string) => (await api<Listings>("/v1/imports")).items.find((l) => l.import === name)?.status;
const newest = async (name: string) => (await api<Runs>(`/v1/runs?import=${name}&pageSize=1`)).items[0];

test("an import is found, run by mouse, and the figures of its run are the API's", async () => {
  const page = await open("/");
  const before = await newest("customers");
  await page.getByLabel("Search").fill("CUST");
  await expect.poll(() => page.url()).toContain("q=CUST");
  await expect.poll(() => page.getByRole("row").count()).toBe(2);
  await page.getByRole("link", { name: "Customers" }).click();
  await page.getByRole("button", { name: "Run now" }).click();
  await expect.poll(async () => (await newest("customers"))?.run, { timeout: 30_000 }).not.toBe(before?.run);
  await expect.poll(async () => (await newest("customers"))?.state, { timeout: 30_000 }).toMatch(/^succeeded/);
  const run = await newest("customers");
  await page.getByRole("link", { name: run?.run ?? "", exact: true }).click();
  await page.getByText(/succeeded: |ended: /).waitFor();
  await page.getByText(`${run?.counts.read.toLocaleString("en-US")} read = `, { exact: false }).waitFor();
  await page.goBack();
  await page.goBack();
  expect(page.url()).toContain("q=CUST");
});

test("the same by keyboard alone, from the listing to a paused and resumed import", async () => {
  const page = await open("/");
  await page.keyboard.press("/");
  await page.keyboard.type("purch");
  await expect.poll(() => page.getByRole("row").count()).toBe(2);
  for (let n = 0; n < 20; n++) {
    await page.keyboard.press("Tab");
    if ((await page.evaluate(() => document.activeElement?.textContent)) === "Purchases") break;
  }
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "Purchases" }).waitFor();
  await page.getByRole("button", { name: "Pause" }).focus();
  await page.keyboard.press("Enter");
  await expect.poll(() => statusOf("purchases"), { timeout: 15_000 }).toBe("Paused");
  await page.getByText("is paused").waitFor();
  expect(await page.getByRole("button", { name: "Run now" }).isDisabled()).toBe(true);
  await page.getByRole("button", { name: "Resume" }).focus();
  await page.keyboard.press("Enter");
  await expect.poll(() => statusOf("purchases"), { timeout: 15_000 }).toBe("Ready");
});

test("a second press, a lost answer and a refusal do no harm", async () => {
  const page = await open("/imports/purchases");
  await page.route("**/v1/imports/purchases/pause", (route) => route.abort());
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByRole("alert").getByText("Import Center does not answer").waitFor();
  expect(await statusOf("purchases")).toBe("Ready");
  await page.unroute("**/v1/imports/purchases/pause");
  const missing = await open("/imports/custmers");
  await missing.getByRole("alert").getByText("did you mean customers").waitFor();
});

test("the page says how old its figures are while Import Center does not answer, and goes on afterwards", async () => {
  const page = await open("/");
  await page.getByRole("link", { name: "Customers" }).waitFor();
  await page.context().setOffline(true);
  await page.getByText("does not answer").waitFor({ timeout: 30_000 });
  expect(await page.getByRole("link", { name: "Customers" }).isVisible()).toBe(true);
  await page.context().setOffline(false);
  await page.getByText("does not answer").waitFor({ state: "detached", timeout: 30_000 });
});

for (const path of ["/", "/imports/customers", "/runs/customers.1", "/imports/customers/rejects", "/nothing/here"]) {
  test(`${path} has no serious accessibility finding`, async () => {
    await accessible(await open(path));
  });
}

test("the listing, an import and a run fit a phone", async () => {
  for (const path of ["/", "/runs/customers.1", "/imports/customers", "/imports/customers/actions"]) {
    const page = await open(path, { viewport: { width: 390, height: 844 } });
    await settled(page);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    expect(wide, path).toBeLessThanOrEqual(0);
  }
});
