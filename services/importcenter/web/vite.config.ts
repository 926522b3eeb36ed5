import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// The server replaces this path by the one under which a proxy shows the page.
const base = "/__TAPLINE_BASE__/";

export default defineConfig({
  plugins: [react()],
  base,
  build: {
    outDir: "dist",
    emptyOutDir: true,
    target: "es2023",
    sourcemap: false,
    // A warning above this; the budget of the first load is a test of its own.
    chunkSizeWarningLimit: 700,
    modulePreload: { polyfill: false },
  },
  experimental: {
    // Scripts name each other relative to themselves, so only index.html needs the base.
    renderBuiltUrl: (filename, { hostType }) => (hostType === "html" ? base + filename : { relative: true }),
  },
  server: { proxy: { "/v1": "http://127.0.0.1:19000", "/auth": "http://127.0.0.1:19000" } },
  test: { environment: "node", include: ["src/**/*.test.ts"] },
});
