import { expect, inject, test } from "vitest";
import type { Page } from "playwright-core";

import { accessible, open } from "./browser";
import { slow, unique } from "./world";

const secured = inject("secured");

/** visit opens an address where people have to sign in, once Import Center answers there. */
async function visit(path: string): Promise<Page> {
  let page: Page | undefined;
  await expect.poll(async () => {
    page = await open(path, { baseURL: secured, ignoreHTTPSErrors: true }).catch(() => undefined);
    return page !== undefined;
  }, { timeout: 60_000 }).toBe(true);
  return page!;
}

async function signIn(page: Page, user: string): Promise<void> {
  await page.getByRole("link", { name: "Sign in with your organisation's account" }).click();
  await page.getByLabel("User").fill(user);
  await page.getByLabel("Password").fill("verysecure");
  await page.getByRole("button", { name: "Sign in" }).click();
}

test.skipIf(secured === "")("a person signs in with an OpenID provider, and comes back to where they were", async () => {
  const page = await visit("/imports/customers");
  await accessible(page);
  await signIn(page, "test-user@127.0.0.1");
  await page.getByRole("heading", { level: 1, name: "Customers" }).waitFor(slow);
  await page.getByText("oidc:id1, editor").waitFor();
  expect(await (await page.request.get(`${secured}/v1/caller`)).json()).toMatchObject({ name: "oidc:id1", role: "editor", by: "session" });
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("heading", { level: 1, name: "Sign in to Import Center" }).waitFor(slow);
  expect((await page.request.get(`${secured}/v1/caller`)).status()).toBe(401);
}, 120_000);

test.skipIf(secured === "")("to a viewer no personal data is sent", async () => {
  const page = await visit("/");
  let told = "";
  page.on("response", (r) => { if (r.url().includes("/v1/") && !r.url().includes("/events")) void r.text().then((t) => { told += t; }, () => undefined); });
  await signIn(page, "test-user2");
  await page.getByText("oidc:id2, viewer").waitFor(slow);
  await page.goto("/imports/customers/rejects");
  await page.getByText("which your role does not show").waitFor(slow);
  await page.getByRole("cell", { name: "null_rejected" }).first().waitFor(slow);
  expect(await page.getByRole("button", { name: /Show the rows|Download|Replay|Dismiss/ }).count()).toBe(0);
  await page.goto("/runs/customers.1/rows");
  await page.getByText("which your role does not show").waitFor(slow);
  await page.goto("/imports/customers/why");
  await page.getByText("which your role does not show").waitFor(slow);
  await page.goto("/runs/customers.1");
  const { traceId } = (await (await page.request.get(`${secured}/v1/runs/customers.1`)).json()) as { traceId: string };
  await expect.poll(() => page.getByRole("link", { name: traceId }).getAttribute("href"), slow).toBe(`https://jaeger.example.com/trace/${traceId}`);
  await page.goto("/imports/customers");
  await page.getByText("Figures", { exact: true }).waitFor(slow);
  expect(await page.getByRole("button", { name: /Run now|Pause|Edit/ }).count()).toBe(0);
  expect(told).toContain('"customers"');
  expect(told).not.toMatch(/customer\d+@example\.com/);
  for (const path of ["/v1/rejects?import=customers", "/v1/runs/customers.1/rows", "/v1/rejects/export?import=customers&format=csv"]) expect((await page.request.get(secured + path)).status(), path).toBe(403);
}, 120_000);

test.skipIf(secured === "")("a session that ends keeps what was typed, and after signing in again it is saved", async () => {
  const nickname = unique("Session");
  const page = await visit("/new");
  await signIn(page, "test-user@127.0.0.1");
  await page.getByLabel("Nickname").fill(nickname);
  await page.getByRole("button", { name: "Begin the draft" }).click();
  await page.locator(".cm-content").waitFor(slow);
  await page.getByText("Draft, saved.").waitFor(slow);
  expect((await page.request.post(`${secured}/auth/logout`, { headers: { Origin: secured, "Sec-Fetch-Site": "same-origin" } })).status()).toBe(204);
  await page.locator(".cm-content").click();
  await page.keyboard.type("select 7 as KEPT");
  await page.getByText("Your session has ended.").waitFor(slow);
  await signIn(page, "test-user@127.0.0.1");
  await page.locator(".cm-content").getByText("select 7 as KEPT").waitFor(slow);
  const name = nickname.toLowerCase();
  await expect.poll(async () => ((await (await page.request.get(`${secured}/v1/imports/${name}`)).json()) as { spec: { source: { query?: string } } }).spec.source.query, slow).toBe("select 7 as KEPT");
}, 120_000);
