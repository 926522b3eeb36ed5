import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { expect, test } from "vitest";
import type { Page } from "playwright-core";

import { accessible, api, open } from "./browser";
import { account, definition, ended, held, importOf, ran, send, slow, to, unique } from "./world";

interface Listings { items: { import: string; watermark: string; epoch: number; acknowledged?: { until: string; reason?: string } }[] }
interface Generations { items: { generation: number }[] }
interface Told { condition: string; import?: string }

const listed = async (name: string) => (await api<Listings>("/v1/imports")).items.find((l) => l.import === name);
const status = async (path: string) => api(path).then(() => 200, (e: Error) => Number(/HTTP (\d+)/.exec(e.message)?.[1]));
const few = "select CUSTOMER_ID, UPDATED_AT from CUSTOMERS where CUSTOMER_ID between 1 and 50";
const of = (property: string) => ({ source: { connectionRef: "warehouse", query: few, cursor: { column: "UPDATED_AT" } }, mapping: [{ from: "CUSTOMER_ID", to: property }] });
const remapped = (name: string, property: string) => send("PATCH", `/v1/imports/${name}`, { spec: { mapping: [{ from: "CUSTOMER_ID", to: property }] } }, { "If-Match": "*" });

/** begun is the run that an action has begun, once it has ended. */
async function begun(page: Page, region: string): Promise<{ run: string; mode: string; counts: { loaded: number } }> {
  return ended(await page.getByRole("region", { name: region }).getByRole("status").getByRole("link").innerText(slow));
}

/** agree types the account's name where it is asked for. */
async function agree(page: Page, word: string): Promise<void> {
  await page.getByLabel(`Type ${word} to agree`).fill(word);
  await page.getByRole("button", { name: "Agree and go on" }).click();
}

test("a span is read again, runs are sent again, the import begins anew, each foretold and agreed to; a copy is made; both are deleted", async () => {
  const [name, shop, first, second] = [unique("again"), unique("shop"), unique("first"), unique("second")];
  await account(shop, "production");
  await importOf(name, { ...of(first), ...to(shop) });
  expect((await ran(name, `?confirm=${shop}`)).counts.loaded).toBe(50);
  await remapped(name, second);

  const page = await open(`/imports/${name}`);
  await page.getByRole("link", { name: "More actions" }).click();
  const resend = page.getByRole("region", { name: "Send again what runs have loaded" });
  await resend.getByLabel("First run").fill("1");
  await resend.getByRole("button", { name: "Show what it does" }).click();
  await resend.getByText(`this sends again what runs of ${name} have loaded, to the production account ${shop}`, { exact: false }).waitFor(slow);
  await accessible(page);
  await resend.getByRole("button", { name: `Send 50 profiles to ${shop} again` }).click();
  await agree(page, shop);
  expect(await begun(page, "Send again what runs have loaded")).toMatchObject({ mode: "resend", counts: { loaded: 50 } });
  expect((await held("7"))?.profileData).toHaveProperty(second);

  const backfill = page.getByRole("region", { name: "Read a span again" });
  await backfill.getByLabel("From").fill("2000-01-01T00:00:00Z");
  await backfill.getByLabel("Before").fill("1999-01-01T00:00:00Z");
  await backfill.getByRole("button", { name: "Show what it does" }).click();
  await backfill.getByText("to is not after from").waitFor(slow);
  await backfill.getByLabel("Before").fill("2100-01-01T00:00:00Z");
  await backfill.getByRole("button", { name: "Show what it does" }).click();
  await backfill.getByRole("button", { name: /^Read the span again and send/ }).click();
  await agree(page, shop);
  expect(await begun(page, "Read a span again")).toMatchObject({ mode: "backfill", counts: { loaded: 50 } });

  const late = page.getByRole("region", { name: "Look for rows that came late" });
  await late.getByRole("button", { name: "Compare the sums" }).click();
  expect(await begun(page, "Look for rows that came late")).toMatchObject({ mode: "reconcile" });

  const before = await listed(name);
  expect(before?.watermark).not.toBe("");
  const reset = page.getByRole("region", { name: "Begin anew" });
  await reset.getByRole("button", { name: "Show what it does" }).click();
  await reset.getByRole("button", { name: `Forget the watermark of ${name}` }).click();
  await agree(page, shop);
  await reset.getByText("The watermark is forgotten.").waitFor(slow);
  await expect.poll(async () => (await listed(name))?.watermark, slow).toBe("");

  await page.getByLabel("Name of the copy").fill(`${name}-copy`);
  await page.getByRole("button", { name: `Make the draft ${name}-copy` }).click();
  await page.waitForURL(`**/imports/${name}-copy/edit/source`, slow);
  expect((await definition(`${name}-copy`)).spec).toMatchObject({ draft: true, mapping: [{ from: "CUSTOMER_ID", to: second }] });

  for (const [which, choice, topics] of [[`${name}-copy`, /^Keep the topics/, 0], [name, /^Remove the topics for good/, 2]] as const) {
    await page.goto(`/imports/${which}/actions`);
    const remove = page.getByRole("region", { name: "Delete" });
    const button = remove.getByRole("button", { name: `Delete ${which}` });
    await remove.getByLabel(`Type ${which} to agree`).fill(which);
    expect(await button.isDisabled()).toBe(true);
    await remove.getByRole("radio", { name: choice }).check();
    await remove.getByText("what it has sent stays in CleverTap").waitFor(slow);
    await expect.poll(() => remove.getByText(`Removed for good: tapline.rows.${which}.v1, tapline.records.${which}.v1.`).count(), slow).toBe(topics / 2);
    await button.click();
    await page.getByRole("heading", { name: `${which} is deleted.` }).waitFor(slow);
    expect(await page.getByText(`Removed: tapline.rows.${which}.v1, tapline.records.${which}.v1.`).count()).toBe(topics / 2);
    expect(await status(`/v1/imports/${which}`)).toBe(404);
  }
}, 180_000);

test("what CleverTap holds is compared, what differs is shown and sent again, and then nothing differs", async () => {
  const [name, first, second] = [unique("compared"), unique("had"), unique("has")];
  await importOf(name, of(first));
  await ran(name);
  await remapped(name, second);
  const page = await open(`/imports/${name}/actions`);
  await page.getByRole("button", { name: "Compare rows at random" }).click();
  await page.getByText("Of 50 compared, CleverTap does not hold what it should of 50.").waitFor({ timeout: 60_000 });
  await page.getByText("Every row of the query was looked at.").waitFor();
  expect(await page.getByRole("region", { name: "Who differs" }).count()).toBe(0);
  await page.getByRole("button", { name: "Show the people" }).click();
  await page.getByRole("region", { name: "Who differs" }).getByRole("cell", { name: "7", exact: true }).first().waitFor();
  await accessible(page);
  await page.getByRole("button", { name: "Send 50 profiles to clevertap again" }).click();
  expect(await ended(await page.getByRole("status").getByRole("link").innerText(slow))).toMatchObject({ mode: "repair", counts: { loaded: 50 } });
  expect((await held("7"))?.profileData).toHaveProperty(second);
  await page.getByRole("link", { name: "Compare again" }).click();
  let addresses = "";
  page.on("request", (r) => { addresses += `${r.url()}\n`; });
  await page.getByLabel("Or these people").fill("7\n8\n8");
  await page.getByRole("button", { name: "Compare 2 people" }).click();
  await page.getByText("CleverTap holds what it should of all 2 that were compared.").waitFor({ timeout: 60_000 });
  expect(addresses).not.toMatch(/identit/);
}, 180_000);

test("an earlier definition is applied again, after what that changes was shown", async () => {
  const name = unique("back");
  await importOf(name, of("told"));
  await remapped(name, "told anew");
  const page = await open(`/imports/${name}/definition`);
  await page.getByRole("link", { name: "1", exact: true }).click();
  await page.getByRole("button", { name: "Go back to generation 1 …" }).click();
  await page.getByText("What was applied since stays in the history").waitFor(slow);
  expect((await definition(name)).spec.mapping).toEqual([{ from: "CUSTOMER_ID", to: "told anew" }]);
  await accessible(page);
  await page.getByRole("button", { name: "Apply generation 1 again" }).click();
  await page.getByRole("row", { name: /^3 / }).waitFor(slow);
  expect((await definition(name)).spec.mapping).toEqual([{ from: "CUSTOMER_ID", to: "told" }]);
  expect((await api<Generations>(`/v1/imports/${name}/generations`)).items).toHaveLength(3);
});

test("a notification is made and tried, a failure is told by it, and somebody says that they know", async () => {
  const told: Told[] = [];
  const hook = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => { body += chunk.toString(); });
    request.on("end", () => {
      told.push(JSON.parse(body) as Told);
      response.end();
    });
  });
  await new Promise<void>((resolve) => hook.listen(0, "127.0.0.1", resolve));
  try {
    const [name, oncall] = [unique("broken"), unique("oncall")];
    const page = await open("/notifications");
    await page.getByRole("link", { name: "New notification" }).click();
    await page.getByLabel("Name", { exact: true }).fill(oncall);
    await page.getByLabel("Names").fill(name);
    await page.getByLabel("Address").fill(`http://127.0.0.1:${(hook.address() as AddressInfo).port}/hook`);
    await page.getByLabel("Secret that signs each message").fill("not a reference");
    await page.getByRole("button", { name: "Apply", exact: true }).click();
    await page.locator(".mantine-InputWrapper-error").first().waitFor(slow);
    await page.getByLabel("Secret that signs each message").fill("ref+env://TAPLINE_NOTIFY_JOURNEYS");
    await accessible(page);
    await page.getByRole("button", { name: "Apply", exact: true }).click();
    await page.getByRole("button", { name: `Send a test by ${oncall}` }).click();
    await page.getByText(`${oncall} has taken the test message`).waitFor(slow);
    expect(told.map((m) => m.condition)).toEqual(["test"]);
    expect(await api(`/v1/notifications/${oncall}`)).toMatchObject({ spec: { selector: { names: [name] }, webhook: { secret: "ref+env://TAPLINE_NOTIFY_JOURNEYS" } } });
    await accessible(page);

    await importOf(name, of("never"));
    const { spec, apiVersion, kind } = await definition(name);
    await send("PUT", `/v1/imports/${name}?offline=true`, { apiVersion, kind, metadata: { name }, spec: { ...spec, source: { ...spec.source, query: "select CUSTOMER_ID, UPDATED_AT from NO_SUCH_TABLE" } } }, { "If-Match": "*" });
    expect(await ran(name)).toMatchObject({ state: "failed" });
    await expect.poll(() => told.slice(1).map((m) => [m.condition, m.import]), { timeout: 60_000 }).toEqual([["failing", name]]);
    await page.goto(`/imports/${name}`);
    await page.getByRole("button", { name: "Acknowledge …" }).click();
    await page.getByLabel("Why").fill("the table is being renamed");
    await page.getByRole("button", { name: "Acknowledge", exact: true }).click();
    await page.getByText("nobody is told until").waitFor(slow);
    const known = (await listed(name))?.acknowledged;
    expect(known?.reason).toBe("the table is being renamed");
    expect(Math.abs(Date.parse(known?.until ?? "") - Date.now() - 12 * 3_600_000)).toBeLessThan(120_000);
    await page.getByRole("button", { name: "Tell again" }).click();
    await expect.poll(async () => (await listed(name))?.acknowledged, slow).toBeUndefined();

    await page.goto(`/notifications/${oncall}`);
    await page.getByRole("button", { name: `Delete ${oncall}` }).click();
    await page.getByRole("heading", { level: 1, name: "Notifications" }).waitFor(slow);
    expect(await status(`/v1/notifications/${oncall}`)).toBe(404);
  } finally {
    hook.close();
  }
}, 180_000);
