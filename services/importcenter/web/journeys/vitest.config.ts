import { defineConfig } from "vitest/config";

// The journeys share one deployment and one browser, so they run one after another.
export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: [process.env["SCREENSHOTS"] === undefined ? "*.journey.ts" : "screenshots.ts"],
    globalSetup: "deployment.ts",
    fileParallelism: false,
    sequence: { concurrent: false },
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
