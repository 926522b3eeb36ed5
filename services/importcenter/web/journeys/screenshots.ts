import { join } from "node:path";

import { test } from "vitest";

import { api, open, settled } from "./browser";
import { importOf, send } from "./world";
import type { Run } from "./world";

const folder = join(import.meta.dirname, "../../../../docs/images");
const slow = { timeout: 60_000 };

/** The main screens of the demo, as the documents show them. */
const screens: Record<string, { path: string; ready: string }> = {
  imports: { path: "/", ready: "Customers" },
  import: { path: "/imports/customers", ready: "Rows by outcome" },
  run: { path: "/runs/customers.1", ready: "What happened" },
  actions: { path: "/imports/customers/actions", ready: "Compare with CleverTap" },
  rejects: { path: "/imports/customers/rejects", ready: "What to do" },
  properties: { path: "/imports/customers/edit/properties", ready: "columns imported" },
  schedule: { path: "/imports/customers/edit/schedule", ready: "The next five runs" },
};

for (const colorScheme of ["light", "dark"] as const) {
  for (const [name, { path, ready }] of Object.entries(screens)) {
    test(`${name}, ${colorScheme}`, async () => {
      const page = await open(path, { colorScheme, reducedMotion: "reduce", viewport: { width: 1280, height: 800 } });
      await page.getByText(ready).first().waitFor(slow);
      if (name === "properties") {
        await page.getByRole("button", { name: "Preview rows" }).click();
        await page.getByText("One row, before and after").waitFor(slow);
        await page.getByText(/\d+ fine|rejected/).first().waitFor(slow);
      }
      await settled(page);
      await page.screenshot({ path: join(folder, `${name}-${colorScheme}.png`) });
    }, 120_000);
  }
}

/** What docs/on-call.md shows: CleverTap refuses every request, and three clicks lead from the listing to that. */
test("on call", async () => {
  const { spec } = await api<{ spec: { endpoint: string } }>("/v1/accounts/clevertap");
  const faults = (kinds: object[]) => fetch(`${spec.endpoint}/sandbox/v1/faults`, { method: "PUT", body: JSON.stringify({ faults: kinds }) });
  const shot = (n: number) => join(folder, `on-call-${n}.png`);
  await faults([{ kind: "503" }]);
  try {
    await importOf("orders", {});
    const { run } = await send<Run>("POST", "/v1/imports/orders/runs");
    const page = await open("/?sort=health", { colorScheme: "light", reducedMotion: "reduce", viewport: { width: 1280, height: 800 } });
    await page.getByText(/waits for clevertap/i).first().waitFor(slow);
    await settled(page);
    await page.screenshot({ path: shot(1) });
    await page.getByRole("link", { name: /^orders/ }).first().click();
    await page.getByText(run).first().waitFor(slow);
    await settled(page);
    await page.screenshot({ path: shot(2) });
    await page.getByRole("link", { name: run }).first().click();
    await page.getByText("What happened").first().waitFor(slow);
    await settled(page);
    await page.screenshot({ path: shot(3), fullPage: true });
    await send("POST", `/v1/runs/${run}/cancel`);
  } finally {
    await faults([]);
  }
}, 120_000);
