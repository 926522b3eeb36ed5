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
export async function api<T>(path: string, options: RequestInit = {}): Promise<T> {
  const answer = await fetch(inject("server") + path, options);
  const body = await answer.text();
  if (!answer.ok) throw new Error(`${path}: HTTP ${answer.status}: ${body}`);
  return (body === "" ? undefined : JSON.parse(body)) as T;
}

/** settled waits until the page shows what it was asked for. The network is never idle: streams stay open. */
export async function settled(page: Page): Promise<void> {
  await page.getByRole("heading", { level: 1 }).waitFor();
  await page.getByRole("status", { name: "Loading" }).waitFor({ state: "detached" });
}

const standards = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"];
/** What of it a theme can change. */
const ofColours = ["color-contrast", "link-in-text-block"];

/** accessible fails if axe finds anything serious on the page, in either theme. */
export async function accessible(page: Page): Promise<void> {
  await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
  await settled(page);
  await found(new AxeBuilder({ page }).withTags(standards), "light");
  await page.emulateMedia({ colorScheme: "dark", reducedMotion: "reduce" });
  await expect.poll(() => page.evaluate(() => document.documentElement.dataset["mantineColorScheme"])).toBe("dark");
  await found(new AxeBuilder({ page }).withRules(ofColours), "dark");
}

async function found(look: AxeBuilder, theme: string): Promise<void> {
  const { violations } = await look.analyze();
  expect(violations.map((v) => `${theme}: ${v.id}: ${v.help}: ${v.nodes.map((n) => n.html).slice(0, 3).join(" | ")}`)).toEqual([]);
}
