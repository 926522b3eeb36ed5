import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    server: string;
  }
}

/** How long the demo may take to load its tables, in milliseconds. */
const patience = 180_000;

/**
 * setup starts the whole pipeline with the demo's imports, at ports of its own, and ends it after the
 * journeys. PORT_BASE_RUNNING names one that is there already, such as that of `make dev`.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const running = process.env["PORT_BASE_RUNNING"];
  if (running !== undefined) return provide(project, Number(running), async () => {});
  const tapline = process.env["TAPLINE"];
  if (tapline === undefined) throw new Error("TAPLINE names no program: run make test-web");
  const portBase = Number(process.env["PORT_BASE"] ?? 23_000);
  const folder = await mkdtemp(join(tmpdir(), "tapline-journeys-"));
  const args = ["demo", "--keep", "--customers", "2000", "--data", join(folder, "data"), "--port-base", String(portBase)];
  const child = spawn(tapline, args, { cwd: process.env["ROOT"], stdio: ["ignore", "ignore", "pipe"] });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  await new Promise<void>((resolve, reject) => {
    let said = "";
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      reject(new Error(`the demo did not come up:\n${said}`));
    }, patience);
    child.once("exit", (code) => reject(new Error(`the demo ended with ${code}:\n${said}`)));
    child.stderr.on("data", (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes("everything keeps running")) {
        clearTimeout(timer);
        resolve();
      }
    });
  });
  return provide(project, portBase, async () => {
    child.removeAllListeners("exit");
    child.kill("SIGTERM");
    await ended;
    await rm(folder, { recursive: true, force: true });
  });
}

function provide(project: TestProject, portBase: number, end: () => Promise<void>): () => Promise<void> {
  project.provide("server", `http://127.0.0.1:${portBase}`);
  return end;
}
