import { join } from "node:path";

import { test } from "vitest";

import { open, settled } from "./browser";

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
