import "@mantine/core/styles.css";
import "./app/page.css";

import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { setNonce } from "get-nonce";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { ApiError } from "./api/client";
import { styleNonce } from "./app/base";
import { router } from "./app/router";
import { theme } from "./app/theme";

/** retries is how often an answer is asked for again by itself. A refusal stays a refusal. */
const retries = 2;

const queries = new QueryClient({
  defaultOptions: {
    // Offline is an answer like any other that does not come: it is said, and asked again.
    mutations: { networkMode: "always" },
    queries: {
      networkMode: "always",
      retry: (failures, error) => failures < retries && (!(error instanceof ApiError) || error.problem.status === 0 || error.problem.status >= 500),
      refetchOnWindowFocus: true,
    },
  },
});

// Dialogs keep the page from scrolling by a style element of their own.
setNonce(styleNonce());

const root = document.getElementById("root");
if (root === null) throw new Error("the document has no element for the page");
createRoot(root).render(
  <StrictMode>
    <MantineProvider theme={theme} defaultColorScheme="auto" getStyleNonce={styleNonce}>
      <QueryClientProvider client={queries}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
