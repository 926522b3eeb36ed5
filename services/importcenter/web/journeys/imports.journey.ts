import { expect, test } from "vitest";

import { accessible, api, open, settled } from "./browser";
import { importOf, newest, slow, unique } from "./world";

interface Listings { items: { import: string; status: string }[] }

const statusOf = async (name: string) => (await api<Listings>("/v1/imports")).items.find((l) => l.import === name)?.status;

test("an import is found, run by mouse, and the figures of its run are the API's", async () => {
  const name = unique("found");
  await importOf(name, {});
  const page = await open("/");
  await page.getByLabel("Search").fill(name.toUpperCase());
  await expect.poll(() => page.url()).toContain(`q=${name.toUpperCase()}`);
  await expect.poll(() => page.getByRole("row").count()).toBe(2);
  await page.getByRole("link", { name, exact: true }).click();
  await page.getByRole("button", { name: "Run now" }).click();
  await expect.poll(async () => (await newest(name))?.state, slow).toMatch(/^succeeded/);
  const run = await newest(name);
  await page.getByRole("link", { name: run?.run ?? "", exact: true }).click();
  await page.getByText(/succeeded: |ended: /).waitFor();
  await page.getByText(`${run?.counts.read.toLocaleString("en-US")} read = `, { exact: false }).waitFor();
  await page.goBack();
  await page.goBack();
  expect(page.url()).toContain(`q=${name.toUpperCase()}`);
});

test("the same by keyboard alone, from the listing to a paused and resumed import", async () => {
  const name = unique("keyboard");
  await importOf(name, {});
  const page = await open("/");
  const focused = () => page.evaluate(() => document.activeElement?.textContent);
  await page.keyboard.press("/");
  await page.keyboard.type(name);
  await expect.poll(() => page.getByRole("row").count()).toBe(2);
  for (let n = 0; n < 20; n++) {
    await page.keyboard.press("Tab");
    if ((await focused()) === name) break;
  }
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name }).waitFor();
  await page.getByRole("button", { name: "Pause" }).focus();
  await page.keyboard.press("Enter");
  await page.getByText("is paused").waitFor(slow);
  expect(await statusOf(name)).toBe("Paused");
  expect(await page.getByRole("button", { name: "Run now" }).isDisabled()).toBe(true);
  // The button is what it was before, so that the next press of Enter takes back what the first one did.
  expect(await focused()).toBe("Resume");
  await page.locator("button:focus:not([aria-disabled])").waitFor(slow);
  await page.keyboard.press("Enter");
  await expect.poll(() => statusOf(name), slow).toBe("Ready");
});

test("an answer that was on its way while an import was paused does not show it as it was", async () => {
  const name = unique("overtaken");
  await importOf(name, {});
  const page = await open(`/imports/${name}`);
  await page.getByText("runs when somebody starts it").waitFor();
  const older = JSON.stringify(await api<Listings>("/v1/imports?recent=10"));
  let answered = 0;
  await page.route("**/v1/imports?*", async (route) => {
    await page.getByText("is paused").waitFor(slow);
    await route.fulfill({ contentType: "application/json", body: older });
    answered++;
  });
  await page.getByRole("button", { name: "Pause" }).click();
  await expect.poll(() => answered, slow).toBeGreaterThan(0);
  await page.getByRole("button", { name: "Resume" }).and(page.locator(":not([aria-disabled])")).waitFor(slow);
  expect(await page.getByText("is paused").isVisible()).toBe(true);
});

test("a second press, a lost answer and a refusal do no harm", async () => {
  const name = unique("lost");
  await importOf(name, {});
  const page = await open(`/imports/${name}`);
  await page.route(`**/v1/imports/${name}/pause`, (route) => route.abort());
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByRole("alert").getByText("Import Center does not answer").waitFor();
  expect(await statusOf(name)).toBe("Ready");
  await page.unroute(`**/v1/imports/${name}/pause`);
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
