import { defineConfig } from "vitest/config";

// The journeys share one deployment. A journey changes only what it has made itself, but for those
// of one file, which run one after another; so two files run beside each other.
export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: [process.env["SCREENSHOTS"] === undefined ? "*.journey.ts" : "screenshots.ts"],
    globalSetup: "deployment.ts",
    maxWorkers: 2,
    sequence: { concurrent: false },
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
