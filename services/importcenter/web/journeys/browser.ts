import AxeBuilder from "@axe-core/playwright";
import { chromium } from "playwright-core";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, expect, inject } from "vitest";

let browser: Promise<Browser> | undefined;

afterAll(async () => {
  await (await browser)?.close();
  browser = undefined;
});

/** open shows an address in a browser of its own. What the page writes to the console, and every refused script or style, fails the journey. */
export async function open(path: string, options: BrowserContextOptions = {}): Promise<Page> {
  browser ??= chromium.launch({
    executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
  const context = await (await browser).newContext({ viewport: { width: 1440, height: 900 }, baseURL: inject("server"), ...options });
  const page = await context.newPage();
  page.on("pageerror", (error) => expect.unreachable(`the page failed: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error" && !message.text().includes("Failed to load resource")) expect.unreachable(`the page complains: ${message.text()}`);
  });
  await page.goto(path);
  await page.getByRole("heading", { level: 1 }).waitFor();
  return page;
}

/** api asks Import Center itself what it holds, past the page. */
export async function api<T>(path: string): Promise<T> {
  const answer = await fetch(inject("server") + path);
  if (!answer.ok) throw new Error(`${path}: HTTP ${answer.status}: ${await answer.text()}`);
  return (await answer.json()) as T;
}

/** accessible fails if axe finds anything serious on the page. */
export async function accessible(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).withTags(["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]).analyze();
  expect(violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.map((n) => n.html).slice(0, 3).join(" | ")}`)).toEqual([]);
}
