import { expect, test } from "vitest";

import { accessible, api, open } from "./browser";
import { account, ended, held, importOf, newest, ran, send, slow, to, unique } from "./world";

interface Listings { items: { import: string; status: string; planned?: { at: string }[] }[] }
interface Freeze { name: string }
interface Timeline { spans: { lane: string }[]; places: { topic: string; partition: number; from: number; count: number }[] }
interface Stats { runs: { run: string; volumes: { loaded: number } }[] }
interface Generations { items: { generation: number; by?: string }[] }
interface ScheduleView { next: { at: string; local: string }[] }

const statuses = async (names: string[]) => (await api<Listings>("/v1/imports")).items.filter((l) => names.includes(l.import)).map((l) => l.status);
const runState = async (run: string) => (await api<{ state: string }>(`/v1/runs/${run}`)).state;
const few = "select CUSTOMER_ID, PLAN from CUSTOMERS where CUSTOMER_ID between 1 and 50";

/** small is an import of fifty people that writes a property of its own. */
const small = (property: string) => ({ source: { connectionRef: "warehouse", query: few }, mapping: [{ from: "PLAN", to: property }] });

test("several imports are paused, resumed and run at once; what cannot be taken back is asked once for all", async () => {
  const word = unique("many");
  const names = [`${word}-a`, `${word}-b`, `${word}-c`, `${word}-d`];
  const shop = unique("bulk");
  await account(shop, "production");
  for (const name of names) await importOf(name, { ...small(word), ...(/[cd]$/.test(name) ? to(shop) : {}) });
  const page = await open(`/?q=${word}`);
  await page.getByRole("checkbox", { name: "Select all that are shown" }).check();
  await page.getByText("4 selected:").waitFor();
  const bulk = (name: string) => page.getByRole("button", { name, exact: true });
  await bulk("Pause").click();
  await page.getByText("4 paused.").waitFor(slow);
  await expect.poll(() => statuses(names), slow).toEqual(["Paused", "Paused", "Paused", "Paused"]);
  await expect.poll(() => page.getByRole("cell", { name: "Paused" }).count(), slow).toBe(4);
  await bulk("Resume").click();
  await page.getByText("4 resumed.").waitFor(slow);
  await bulk("Run").click();
  const asks = page.getByRole("dialog", { name: "2 of them cannot be taken back" });
  await asks.waitFor(slow);
  expect([await newest(`${word}-c`), await newest(`${word}-d`)]).toEqual([undefined, undefined]);
  expect(await asks.getByText(`to CleverTap account ${shop}, production`).count()).toBe(2);
  const agree = asks.getByRole("button", { name: "Agree and start all 2" });
  expect(await agree.isDisabled()).toBe(true);
  await asks.getByLabel(`Type ${shop} to agree`).fill(shop);
  await agree.click();
  await page.getByText("4 started.").waitFor(slow);
  for (const name of names) expect((await ended((await newest(name))?.run ?? "")).counts.loaded).toBe(50);
});

test("a run that waits for its account is seen going on without a reload, by the stream", async () => {
  const [name, cold, property] = [unique("flows"), unique("cold"), unique("live")];
  await account(cold);
  await importOf(name, { ...small(property), ...to(cold) });
  const freeze = await send<Freeze>("POST", "/v1/freezes", { account: cold, reason: "a look" });
  const { run } = await send<{ run: string }>("POST", `/v1/imports/${name}/runs`);
  const page = await open(`/runs/${run}`);
  await page.getByText(/waits for|is running/).first().waitFor(slow);
  await expect.poll(async () => (await api<{ waiting: unknown }>(`/v1/runs/${run}`)).waiting, slow).not.toBeNull();
  await page.getByText(`waits for ${cold}`).first().waitFor(slow);
  let asked = 0;
  page.on("request", (r) => { if (r.url().endsWith(`/v1/runs/${run}`)) asked++; });
  await send("DELETE", `/v1/freezes/${freeze.name}`);
  await page.getByText(`${run} succeeded: 50 rows loaded.`).waitFor(slow);
  expect(asked).toBeLessThanOrEqual(1);
  expect(await held("7")).toMatchObject({ profileData: { [property]: expect.anything() as unknown } });

  // On what it spent its time and where its records lie, as its own reports say.
  await expect.poll(async () => new Set((await api<Timeline>(`/v1/runs/${run}/timeline`)).spans.map((s) => s.lane)), slow).toEqual(new Set(["execute", "chunks", "map", "wait", "upload"]));
  const { places } = await api<Timeline>(`/v1/runs/${run}/timeline`);
  const records = places.filter((p) => p.topic === `tapline.records.${name}.v1`);
  expect(records.reduce((sum, p) => sum + p.count, 0)).toBe(50);
  for (const lane of [/^Uploads: .*50 records$/, /^Mapping: .*50 rows$/, /^Chunks are read: .*50 rows$/, /^Waits: /]) await page.getByRole("img", { name: lane }).waitFor(slow);
  await page.getByText("Where its rows and records lie in Kafka").click();
  for (const p of records) await page.getByText(`kcat -b $BROKERS -t ${p.topic} -p ${p.partition} -o ${p.from} -c ${p.count} `, { exact: false }).waitFor(slow);
});

test("a run is cancelled, and nothing of it arrives", async () => {
  const [name, cold, property] = [unique("stops"), unique("cold"), unique("never")];
  await account(cold);
  await importOf(name, { ...small(property), ...to(cold) });
  const freeze = await send<Freeze>("POST", "/v1/freezes", { account: cold, reason: "a look" });
  const { run } = await send<{ run: string }>("POST", `/v1/imports/${name}/runs`);
  const page = await open(`/runs/${run}`);
  const overview = await open(`/imports/${name}`);
  const { causes } = await api<{ causes: { text: string }[] }>(`/v1/imports/${name}/why-late`);
  expect(causes.length).toBeGreaterThan(0);
  await overview.getByRole("region", { name: "What it waits for" }).getByRole("listitem").nth(causes.length - 1).waitFor(slow);
  await page.getByRole("button", { name: "Cancel the run" }).click();
  await expect.poll(() => runState(run), slow).toBe("cancelled");
  await page.getByText("was cancelled.").waitFor(slow);
  await send("DELETE", `/v1/freezes/${freeze.name}`);
  expect((await held("7"))?.profileData ?? {}).not.toHaveProperty(property);
});

test("a held run says why; approved it goes on, declined it sends nothing", async () => {
  for (const [button, state, loaded] of [["Approve", "succeeded", 50], ["Decline", "cancelled", 0]] as const) {
    const [name, property] = [unique("held"), unique(button.toLowerCase())];
    await importOf(name, { ...small(property), limits: { hold: { rows: 10 } } });
    const { run } = await send<{ run: string }>("POST", `/v1/imports/${name}/runs`);
    await expect.poll(() => runState(run), slow).toBe("held");
    const page = await open("/");
    await page.getByText(/need you|needs you/).waitFor(slow);
    await page.goto(`/runs/${run}`);
    await page.getByText("is held, nothing was sent").waitFor(slow);
    if (button === "Approve") await accessible(page);
    await page.getByRole("button", { name: button }).click();
    expect(await ended(run)).toMatchObject({ state, counts: { loaded } });
    await page.getByText(state === "cancelled" ? "was cancelled." : "succeeded: 50 rows loaded.").waitFor(slow);
    expect(Object.keys((await held("7"))?.profileData ?? {}).includes(property)).toBe(loaded > 0);
  }
}, 90_000);

test("the history says what each change was and whose; schedule and topics are the API's", async () => {
  const name = unique("story");
  await importOf(name, { ...small("told"), schedules: [{ cron: "0 6 * * *" }] });
  await send("PATCH", `/v1/imports/${name}`, { spec: { mapping: [{ from: "PLAN", to: "told anew" }] } }, { "If-Match": "*", "Tapline-Actor": "asha" });
  const page = await open(`/imports/${name}`);
  await page.getByRole("link", { name: "History" }).click();
  await page.getByRole("cell", { name: "spec.mapping" }).waitFor(slow);
  await page.getByRole("cell", { name: /told anew/ }).waitFor();
  const { items } = await api<Generations>(`/v1/imports/${name}/generations`);
  expect(items).toHaveLength(2);
  for (const g of items) expect(await page.getByRole("row", { name: new RegExp(`^${g.generation} `) }).innerText()).toContain(g.by ?? "");
  await accessible(page);
  await page.getByRole("link", { name: "Schedule" }).click();
  const { next } = await api<ScheduleView>(`/v1/imports/${name}/schedule?next=10`);
  for (const due of next) await page.getByRole("cell", { name: due.local }).first().waitFor(slow);
  await accessible(page);
  await page.getByRole("link", { name: "Topics" }).click();
  await page.getByText(`kcat -b $BROKERS -t tapline.records.${name}.v1`, { exact: false }).waitFor(slow);
  await accessible(page);
}, 90_000);

test("a run is planned for a time and taken back, and an import is stopped and resumed", async () => {
  const name = unique("later");
  await importOf(name, small("later"));
  const page = await open(`/imports/${name}`, { timezoneId: "Asia/Kolkata" });
  await page.getByRole("button", { name: "Run at …" }).click();
  await page.getByLabel("When").fill("2099-01-02T03:04");
  await page.getByRole("button", { name: "Plan the run" }).click();
  const planned = async () => (await api<Listings>("/v1/imports")).items.find((l) => l.import === name)?.planned?.map((p) => Date.parse(p.at)) ?? [];
  await expect.poll(planned, slow).toEqual([Date.parse("2099-01-01T21:34:00Z")]);
  await page.getByText("Planned for 2099-01-02 03:04:00").waitFor(slow);
  await page.getByRole("button", { name: "Do not run then" }).click();
  await expect.poll(planned, slow).toEqual([]);
  await page.getByRole("button", { name: "Stop", exact: true }).click();
  await expect.poll(() => statuses([name]), slow).toEqual(["Stopped"]);
  await page.getByRole("button", { name: "Resume" }).click();
  await expect.poll(() => statuses([name]), slow).toEqual(["Ready"]);
});

test("what a run did before is in its strip in the listing", async () => {
  const name = unique("strip");
  await importOf(name, small("strip"));
  const page = await open(`/?q=${name}`);
  await ran(name);
  await page.getByRole("img", { name: "1 run, none failed" }).waitFor(slow);

  // Its figures are the API's; each point is a run, and a period stands in the address.
  await page.goto(`/imports/${name}`);
  await page.getByRole("figure", { name: "Rows by outcome" }).getByText(`${name}.1: Loaded 50`).waitFor(slow);
  const { runs } = await api<Stats>(`/v1/imports/${name}/stats`);
  expect(runs.map((r) => [r.run, r.volumes.loaded])).toEqual([[`${name}.1`, 50]]);
  await page.getByText("These figures as a table").click();
  await page.getByRole("row", { name: new RegExp(`^${name}\\.1 50 0 0 0 100 %`) }).waitFor(slow);
  await page.getByText("Last 30 days").first().click();
  await expect.poll(() => page.url(), slow).toContain("period=30");
  await expect.poll(() => page.getByRole("region", { name: "These figures as a table" }).getByRole("row").count(), slow).toBe(31);
  await accessible(page);
});
