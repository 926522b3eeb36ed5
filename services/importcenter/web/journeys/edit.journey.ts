import { expect, test } from "vitest";

import { accessible, api, open } from "./browser";
import { definition, held, importOf, newest, slow, unique } from "./world";

/** nicknamed gives each try of a journey an import of its own. */
const nicknamed = (text: string) => `${text} ${Date.now().toString(36)}`;
const named = (nickname: string) => nickname.toLowerCase().replaceAll(" ", "-");

test("an import is made from nothing to its first run, by mouse; a mistake that the dry run finds is mended", async () => {
  const nickname = nicknamed("Loyal people");
  const name = named(nickname);
  const page = await open("/");
  await page.getByRole("link", { name: "New import" }).click();
  await page.getByLabel("Nickname").fill(nickname);
  await page.getByRole("button", { name: "Begin the draft" }).click();

  await page.locator(".cm-content").click();
  await page.keyboard.type("select * from CUSTOMERS");
  await page.getByRole("cell", { name: "NUMBER(38,0)" }).first().waitFor(slow);
  await page.getByRole("button", { name: "Preview rows" }).click();
  await page.getByText("100 rows in").waitFor(slow);

  await page.getByRole("link", { name: "Next: Identity" }).click();
  await page.getByRole("button", { name: "Use it: CUSTOMER_ID" }).click();
  await page.getByText("All 100 are different.").waitFor();
  await page.getByRole("button", { name: "Use it: UPDATED_AT" }).click();
  await page.getByRole("link", { name: "Next: Properties" }).click();
  await page.getByRole("button", { name: /Take \d+ sure suggestions/ }).click();
  await page.getByText('"profileData"').waitFor(slow);
  await expect.poll(async () => (await definition(name)).spec.mapping.length, slow).toBeGreaterThan(5);

  // A mapping that rejects most rows is seen before anything is sent, and mended.
  const property = page.getByLabel("Property: PLAN");
  await property.fill("Email");
  await page.getByText("name_duplicate").or(page.getByText(/property/i).first()).first().waitFor(slow);
  await page.getByRole("button", { name: "Undo" }).click();
  for (let n = 0; n < 10 && (await property.inputValue()) !== "plan"; n++) await page.getByRole("button", { name: "Undo" }).click();
  expect(await property.inputValue()).toBe("plan");
  await page.getByText("Draft, saved.").waitFor(slow);

  await page.getByRole("link", { name: "Next: Dry run" }).click();
  await page.getByRole("button", { name: "Try 1000 rows" }).click();
  await page.getByText(/\d+ would load, \d+ would be rejected/).waitFor({ timeout: 60_000 });
  // Which codes the random sample shows differs from run to run.
  await page.getByRole("link", { name: "Fix in the mapping" }).first().click();
  await page.getByRole("button", { name: "More about Email" }).or(page.getByRole("button", { name: "More about EMAIL" })).first().click();
  await page.getByRole("combobox", { name: "When it does not fit" }).click();
  await page.getByRole("option", { name: "leave the property out" }).click();
  await page.keyboard.press("Escape");
  await expect.poll(async () => (await definition(name)).spec.mapping.find((p) => p.from === "EMAIL")?.onInvalid, slow).toBe("omit");

  await page.getByRole("link", { name: "5. Schedule" }).click();
  await page.getByRole("combobox", { name: "It runs" }).click();
  await page.getByRole("option", { name: "on days of the week" }).click();
  await page.getByText("The next five runs").waitFor(slow);
  await expect.poll(() => page.getByRole("row").count(), slow).toBe(6);
  await page.getByRole("link", { name: "Next: Review" }).click();
  await page.getByText(`the topic tapline.rows.${name}.v1 is made`, { exact: false }).waitFor(slow);
  await page.getByText("cursor:").first().waitFor();
  await page.getByText("Draft, saved.").waitFor(slow);
  await page.getByRole("button", { name: "Make it real" }).click();
  await page.getByRole("button", { name: "Run now" }).waitFor(slow);
  const applied = await definition(name);
  expect(applied.spec.draft).toBeUndefined();
  expect(applied.spec.schedules).toHaveLength(1);
  expect(applied.spec.source.cursor?.column).toBe("UPDATED_AT");

  await page.getByRole("button", { name: "Run now" }).click();
  await expect.poll(async () => (await newest(name))?.state, { timeout: 60_000 }).toMatch(/^succeeded/);
  const run = await newest(name);
  expect(run?.counts.loaded).toBeGreaterThan(1900);
}, 180_000);

test("a file of one's own becomes a scheduled import by the page alone, as a newcomer does it", async () => {
  const nickname = nicknamed("My file");
  const name = named(nickname);
  const [table, somebody] = [`MINE_${Date.now()}`, unique("newcomer")];
  const page = await open("/");
  await page.getByRole("link", { name: "New import" }).click();
  await page.getByLabel("Nickname").fill(nickname);
  await page.getByRole("button", { name: "Begin the draft" }).click();
  const opens = page.context().waitForEvent("page");
  await page.getByRole("link", { name: "Make a table of a file of yours" }).click();
  const sandbox = await opens;
  const csv = `user_id,mail,city\n${somebody},ada@example.com,London\n${somebody}-2,grace@example.com,Arlington\n`;
  await sandbox.getByLabel("A CSV, TSV, NDJSON or Parquet file").setInputFiles({ name: `${table}.csv`, mimeType: "text/csv", buffer: Buffer.from(csv) });
  await sandbox.getByRole("button", { name: "Make a table of it" }).click();
  await sandbox.getByText("is there. Go back to Import Center").waitFor(slow);
  await sandbox.close();
  await page.getByRole("radio", { name: "a table or view" }).check();
  await page.getByRole("combobox", { name: "Table or view" }).fill(table);
  await page.getByRole("option", { name: `SHOP.PUBLIC.${table}` }).click();
  await page.getByRole("button", { name: "Preview rows" }).click();
  await page.getByText("2 rows in").waitFor(slow);
  await page.getByRole("link", { name: "Next: Identity" }).click();
  await page.getByRole("button", { name: "Use it: USER_ID" }).click();
  await page.getByRole("link", { name: "Next: Properties" }).click();
  await page.getByRole("button", { name: /Take \d+ sure suggestion/ }).click();
  await page.getByRole("link", { name: "5. Schedule" }).click();
  await page.getByRole("combobox", { name: "It runs" }).click();
  await page.getByRole("option", { name: "every so often" }).click();
  await page.getByText("The next five runs").waitFor(slow);
  await page.getByRole("link", { name: "Next: Review" }).click();
  await page.getByText("Draft, saved.").waitFor(slow);
  await page.getByRole("button", { name: "Make it real" }).click();
  await page.getByRole("button", { name: "Run now" }).waitFor(slow);
  // The first run of an interval is at once.
  await expect.poll(async () => (await newest(name))?.state, { timeout: 60_000 }).toBe("succeeded");
  expect((await definition(name)).spec).toMatchObject({ source: { table: `SHOP.PUBLIC.${table}` }, schedules: [{ every: expect.anything() as unknown }] });
  expect(await held(somebody)).toMatchObject({ profileData: { Email: "ada@example.com" } });
  await page.getByRole("link", { name: `${name}.1` }).waitFor(slow);
}, 180_000);

test("an import is made by keyboard alone", async () => {
  const nickname = nicknamed("Typed");
  const name = named(nickname);
  const page = await open("/new");
  const reach = async (label: string) => {
    for (let n = 0; n < 120; n++) {
      const at = await page.evaluate(() => {
        const e = document.activeElement;
        return e === null ? "" : (e.getAttribute("aria-label") ?? (e instanceof HTMLInputElement ? [...(e.labels ?? [])].map((l) => l.textContent).join(" ") : e.textContent) ?? "");
      });
      if (at.startsWith(label)) return;
      await page.keyboard.press("Tab");
    }
    throw new Error(`Tab never reaches ${label}`);
  };
  await reach("Nickname");
  await page.keyboard.type(nickname);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: `Edit ${nickname}` }).waitFor(slow);
  await page.locator(".cm-content").waitFor(slow);
  await reach("Query");
  await page.keyboard.type("select CUSTOMER_ID, PLAN from CUSTOMERS where CUSTOMER_ID is not null");
  await page.keyboard.press("Escape");
  await reach("Preview rows");
  await page.keyboard.press("Enter");
  await page.getByText("100 rows in").waitFor(slow);
  await reach("Next: Identity");
  await page.keyboard.press("Enter");
  await page.getByText("Suggested:").first().waitFor(slow);
  await reach("Use it: CUSTOMER_ID");
  await page.keyboard.press("Enter");
  await reach("Next: Properties");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Import PLAN" }).waitFor(slow);
  await page.getByText(/Suggested: plan/).waitFor(slow);
  await reach("Import CUSTOMER_ID");
  await page.keyboard.press("ArrowDown");
  await expect.poll(() => page.evaluate(() => document.activeElement?.getAttribute("aria-label"))).toBe("Import PLAN");
  await page.keyboard.press("Alt+s");
  await page.getByLabel("Property: PLAN").waitFor(slow);
  await expect.poll(async () => (await definition(name)).spec.mapping, slow).toEqual([{ from: "PLAN", to: "plan" }]);
  await reach("6. Review");
  await page.keyboard.press("Enter");
  await page.getByText("Draft, saved.").waitFor(slow);
  await page.getByText("is made, with 6 partitions").first().waitFor(slow);
  await reach("Make it real");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Run now" }).waitFor(slow);
  expect((await definition(name)).spec.draft).toBeUndefined();
}, 120_000);

test("a draft survives a closed tab and an Import Center that is away", async () => {
  const nickname = nicknamed("Kept");
  const name = named(nickname);
  const page = await open("/new");
  await page.getByLabel("Nickname").fill(nickname);
  await page.getByRole("button", { name: "Begin the draft" }).click();
  await page.locator(".cm-content").waitFor(slow);
  await page.route(`**/v1/imports/${name}*`, (route) => (route.request().method() === "PUT" ? route.abort() : route.continue()));
  await page.locator(".cm-content").click();
  await page.keyboard.type("select 1 as ID");
  await page.getByText("Not saved.").waitFor(slow);
  expect((await definition(name)).spec.source.query).toBeUndefined();
  const again = await page.context().newPage();
  await page.close();
  await again.goto(`/imports/${name}/edit/source`);
  await again.locator(".cm-content").getByText("select 1 as ID").waitFor(slow);
  await expect.poll(async () => (await definition(name)).spec.source.query, slow).toBe("select 1 as ID");
});

test("who has no import yet tries the sample, of which every step is filled", async () => {
  const page = await open("/doctor");
  await page.route("**/v1/imports?*", (route) => route.fulfill({ json: { items: [], nextPageToken: "" } }));
  await page.route("**/v1/imports/events*", (route) => route.abort());
  await page.goto("/");
  await page.getByText("No import yet.").waitFor(slow);
  await accessible(page);
  await page.getByRole("button", { name: "Try it with sample data" }).click();
  await page.waitForURL("**/imports/sample-people/edit/source", slow);
  await page.getByRole("link", { name: "Make a table of a file of yours" }).waitFor(slow);
  const made = await definition("sample-people");
  expect(made.spec).toMatchObject({ draft: true, identity: { column: "CUSTOMER_ID" }, source: { connectionRef: "warehouse" }, destination: { accountRef: "clevertap" } });
  expect(made.spec.mapping.length).toBeGreaterThan(10);
});

test("two people edit: the second sees the difference and chooses", async () => {
  const nickname = nicknamed("Two");
  const name = named(nickname);
  const first = await open("/new");
  await first.getByLabel("Nickname").fill(nickname);
  await first.getByRole("button", { name: "Begin the draft" }).click();
  await first.getByRole("heading", { name: `Edit ${nickname}` }).waitFor(slow);
  const second = await open(`/imports/${name}/edit/source`);
  await second.getByLabel("Nickname").fill("Theirs");
  await second.getByText("Draft, saved.").waitFor(slow);
  await expect.poll(async () => (await api<{ metadata: { displayName: string } }>(`/v1/imports/${name}`)).metadata.displayName, slow).toBe("Theirs");
  await first.getByLabel("Nickname").fill("Mine");
  await first.getByRole("cell", { name: "displayName" }).waitFor(slow);
  await first.getByRole("cell", { name: "Theirs" }).waitFor();
  expect((await api<{ metadata: { displayName: string } }>(`/v1/imports/${name}`)).metadata.displayName).toBe("Theirs");
  await first.getByRole("button", { name: "Keep yours" }).click();
  await expect.poll(async () => (await api<{ metadata: { displayName: string } }>(`/v1/imports/${name}`)).metadata.displayName, slow).toBe("Mine");
});

test("an import in force that somebody else has changed meanwhile is not overwritten", async () => {
  const name = unique("held");
  const nickname = async () => (await definition(name)).metadata.displayName;
  await importOf(name, {});
  const page = await open(`/imports/${name}/edit/source`);
  await page.getByLabel("Nickname").fill("Bought");
  const other = await open(`/imports/${name}/edit/source`);
  await other.getByLabel("Nickname").fill("Changed by others");
  await other.getByRole("link", { name: "6. Review" }).click();
  await other.getByRole("button", { name: "Apply", exact: true }).click();
  await other.getByRole("button", { name: "Run now" }).waitFor(slow);
  await page.getByRole("link", { name: "6. Review" }).click();
  await page.getByRole("button", { name: "Apply", exact: true }).click();
  await page.getByRole("cell", { name: "Changed by others" }).waitFor(slow);
  expect(await nickname()).toBe("Changed by others");
  await page.getByRole("button", { name: "Take theirs" }).click();
  await page.getByText("In force.").waitFor();
  expect(await nickname()).toBe("Changed by others");
}, 120_000);

test("what the API refuses stands where it was typed, and an import in force changes only when it is applied", async () => {
  const page = await open("/imports/customers/edit/schedule");
  await page.getByRole("combobox", { name: "It runs" }).click();
  await page.getByRole("option", { name: "by a cron expression" }).click();
  await page.getByLabel("Cron expression").fill("61 * * * *");
  await page.getByRole("alert").first().waitFor(slow);
  expect((await definition("customers")).spec.schedules ?? []).toEqual([]);
  await page.getByRole("button", { name: "Drop it" }).click();
  await page.getByText("In force.").waitFor();
});

test("markup, right-to-left text and long names in data and definitions stay text", async () => {
  const nickname = `<img src=x onerror=alert(1)> ‮abc ${"x".repeat(150)} ${Date.now().toString(36)}`;
  const page = await open("/new");
  page.on("dialog", () => expect.unreachable("markup ran"));
  await page.getByLabel("Nickname").fill(nickname);
  await page.getByRole("button", { name: "Begin the draft" }).click();
  const refusedOrMade = page.getByRole("alert").or(page.getByRole("heading", { name: /Edit/ }));
  await refusedOrMade.first().waitFor(slow);
  expect(await page.locator("img").count()).toBe(0);
});

for (const step of ["source", "identity", "properties", "dry-run", "schedule", "review"]) {
  test(`the step ${step} has no serious accessibility finding`, async () => {
    await accessible(await open(`/imports/customers/edit/${step}`));
  });
}
