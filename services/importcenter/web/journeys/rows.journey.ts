import { readFile } from "node:fs/promises";

import { expect, test } from "vitest";

import { accessible, api, open } from "./browser";
import { account, ended, held, importOf, newest, ran, send, slow, to, unique } from "./world";

interface RejectOf { id: string; ref: string; state: string; code: string; identity?: string; row: Record<string, unknown> }
interface Rejects { items: RejectOf[] }
interface Counts { total: number; items: { code: string; column?: string; count: number }[] }
interface Audit { items: { action: string; name?: string }[] }

test("failed rows are replayed once their mapping is mended, and a production account is named first", async () => {
  const name = unique("mend");
  const shop = unique("shop");
  const property = unique("seen");
  await account(shop, "production");
  const mapping = [{ from: "EMAIL", to: "Email", onInvalid: "omit" }, { from: "NAME", to: property, onNull: "reject" }];
  await importOf(name, { ...to(shop), mapping });
  const first = await ran(name, `?confirm=${shop}`);
  expect(first.counts.mapRejected).toBeGreaterThan(0);
  const before = await api<Rejects>(`/v1/rejects?import=${name}&code=null_rejected&pageSize=100`);
  await send("PATCH", `/v1/imports/${name}`, { spec: { mapping: [mapping[0], { from: "PLAN", to: property }] } }, { "If-Match": "*" });

  const page = await open(`/imports/${name}`);
  await page.getByRole("link", { name: "Failed rows" }).click();
  await page.getByRole("link", { name: "Only null_rejected of NAME" }).click();
  await page.getByText(`${before.items.length} rows failed.`).waitFor(slow);
  await page.getByRole("button", { name: "Replay …" }).click();
  await page.getByText(`${before.items.length} rows would be taken; ${before.items.length} of them would map now`).waitFor(slow);
  expect((await newest(name))?.run).toBe(first.run);
  await page.getByRole("button", { name: `Send ${before.items.length} rows to CleverTap account ${shop} now` }).click();
  const agree = page.getByRole("button", { name: "Agree and go on" });
  await agree.waitFor(slow);
  expect(await agree.isDisabled()).toBe(true);
  await page.getByLabel(`Type ${shop} to agree`).fill(shop);
  await agree.click();
  await page.getByText("It goes out as a run:").waitFor(slow);
  // The listing of runs may be a moment behind the answer that names the run.
  const run = await ended(await page.getByRole("region", { name: "Replay" }).getByRole("link").innerText());
  expect(run).toMatchObject({ mode: "replay", state: "succeeded", counts: { loaded: before.items.length } });
  const after = await api<Rejects>(`/v1/rejects?import=${name}&code=null_rejected&pageSize=100`);
  expect(after.items.map((r) => r.state)).toEqual(before.items.map(() => "replayed"));
  for (const r of before.items) expect((await held(String(r.row["CUSTOMER_ID"])))?.profileData, r.id).toHaveProperty(property);
}, 120_000);

test("rows are read only on a press; one opens with its row, record and answer, and the failing value marked", async () => {
  const page = await open("/runs/customers.1");
  let asked = 0;
  page.on("request", (r) => { if (/\/v1\/(rejects\?|rejects\/export|runs\/[^/]+\/rows|imports\/[^/]+\/why)/.test(r.url())) asked++; });
  await page.getByRole("link", { name: "type_mismatch" }).click();
  await page.getByText("Rows hold personal data").waitFor(slow);
  expect(asked).toBe(0);
  await page.getByRole("button", { name: "Show the rows" }).click();
  const all = await api<Rejects>("/v1/rejects?import=customers&run=customers.1&code=type_mismatch&order=newest&pageSize=50");
  const first = all.items[0];
  await page.getByRole("button", { name: `Open row ${first?.id ?? ""}` }).click();
  await expect.poll(() => page.locator("mark").allTextContents(), slow).toEqual([expect.stringContaining(JSON.stringify(first?.row["VISITS"]))]);
  await page.getByText("rejected before anything was sent").waitFor(slow);
  expect(await page.getByRole("button", { name: /^Open row 1/ }).count()).toBe(all.items.length);
});

test("a loaded row shows the record and what CleverTap has answered, and leads to its person", async () => {
  const page = await open("/runs/customers.1/rows?result=loaded");
  await page.getByRole("button", { name: "Show the rows" }).click();
  await page.getByRole("button", { name: /^Open row 1/ }).first().click();
  await page.getByRole("region", { name: "CleverTap's answer" }).getByText("HTTP 200").waitFor(slow);
  await page.getByText('"profileData"').waitFor();
  let told = "";
  page.on("request", (r) => { told += `${r.url()}\n`; });
  await page.getByRole("link", { name: "Everything of this person" }).click();
  await page.getByRole("heading", { level: 1, name: "Find a person" }).waitFor();
  const identity = await page.getByRole("textbox", { name: "Identity" }).inputValue();
  expect(identity).not.toBe("");
  expect(new URL(page.url()).hash).toBe(`#identity=${identity}`);
  await page.getByRole("button", { name: "Find what became of the rows" }).click();
  await page.getByText(/of this person were read|1 row of this person/).waitFor(slow);
  await page.getByText("CleverTap has this profile:").waitFor(slow);
  expect(told).not.toContain("identity=");
  const audit = await api<Audit>("/v1/audit?pageSize=50");
  expect(JSON.stringify(audit)).not.toContain(`"${identity}"`);
});

test("what failed is downloaded as it is filtered", async () => {
  const page = await open("/imports/customers/rejects?code=null_rejected&run=customers.1");
  await page.getByRole("button", { name: "Download" }).click();
  const arrives = page.waitForEvent("download");
  await page.getByRole("menuitem", { name: "NDJSON" }).click();
  const file = await (await arrives).path();
  const lines = (await readFile(file, "utf8")).trim().split("\n").map((l) => JSON.parse(l) as RejectOf);
  const counts = await api<Counts>("/v1/rejects/counts?import=customers&run=customers.1&code=null_rejected");
  expect(lines).toHaveLength(counts.total);
  expect(new Set(lines.map((l) => l.code))).toEqual(new Set(["null_rejected"]));
});

test("failed rows, rows and a person have no serious accessibility finding", async () => {
  const page = await open("/imports/customers/rejects?code=type_mismatch");
  await page.getByRole("button", { name: "Replay …" }).click();
  await page.getByText("would be taken").waitFor(slow);
  await page.getByRole("button", { name: "Show the rows" }).click();
  await page.getByRole("button", { name: /^Open row 1/ }).first().click();
  await page.locator("mark").waitFor(slow);
  await accessible(page);
  await page.goto("/runs/customers.1/rows");
  await page.getByRole("button", { name: "Show the rows" }).click();
  await page.getByRole("button", { name: /^Open row 1/ }).first().click();
  await page.getByText("What each part of the mapping made of it").click();
  await accessible(page);
  await page.goto("/imports/customers/why#identity=42");
  await page.getByRole("button", { name: "Find what became of the rows" }).click();
  await page.getByText(/CleverTap has (this|no) profile/).waitFor(slow);
  await accessible(page);
}, 120_000);
