import { execFile, spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    server: string;
    /** An Import Center of the same deployment at which people sign in with OpenID; "" if none was started. */
    secured: string;
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
  if (running !== undefined) return provide(project, Number(running), process.env["SECURED_RUNNING"] ?? "", async () => {});
  const tapline = process.env["TAPLINE"];
  if (tapline === undefined) throw new Error("TAPLINE names no program: run make test-web");
  const portBase = Number(process.env["PORT_BASE"] ?? 23_000);
  const folder = await mkdtemp(join(tmpdir(), "tapline-journeys-"));
  const args = ["demo", "--keep", "--customers", "2000", "--data", join(folder, "data"), "--port-base", String(portBase)];
  const child = spawn(tapline, args, { cwd: process.env["ROOT"], stdio: ["ignore", "ignore", "pipe"], env: { ...process.env, TAPLINE_NOTIFY_JOURNEYS: "the journeys' secret" } });
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
  const secured = await secure(tapline, folder, portBase);
  return provide(project, portBase, secured.url, async () => {
    await secured.end();
    child.removeAllListeners("exit");
    child.kill("SIGTERM");
    await ended;
    await rm(folder, { recursive: true, force: true });
  });
}

function provide(project: TestProject, portBase: number, secured: string, end: () => Promise<void>): () => Promise<void> {
  project.provide("server", `http://127.0.0.1:${portBase}`);
  project.provide("secured", secured);
  return end;
}

/** secure starts an OpenID provider and a second replica of Import Center, which takes nothing but its sign-ins. */
async function secure(tapline: string, folder: string, portBase: number): Promise<{ url: string; end: () => Promise<void> }> {
  const [provider, url] = [`127.0.0.1:${portBase + 30}`, `https://127.0.0.1:${portBase + 31}`];
  const [key, certificate] = [join(folder, "tls.key"), join(folder, "tls.crt")];
  const made = promisify(execFile);
  await made("openssl", ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]);
  const programs = [
    spawn(join(dirname(tapline), "provider"), ["-addr", provider, "-redirect", `${url}/auth/callback`], { stdio: "ignore" }),
    spawn(join(dirname(tapline), "importcenter"), [], { stdio: "ignore", env: {
      ...process.env,
      TAPLINE_KAFKA_BROKERS: `127.0.0.1:${portBase + 1}`, TAPLINE_REDIS_ADDRS: `127.0.0.1:${portBase + 2}`,
      TAPLINE_HTTP_ADDR: `127.0.0.1:${portBase + 31}`, TAPLINE_ADMIN_ADDR: `127.0.0.1:${portBase + 32}`, TAPLINE_ALLOW_CUSTOM_ENDPOINTS: "true",
      TAPLINE_HTTP_TLS_CERT_FILE: certificate, TAPLINE_HTTP_TLS_KEY_FILE: key,
      TAPLINE_TRACE_URL: "https://jaeger.example.com/trace/{traceId}",
      TAPLINE_AUTH_MODE: "oidc", TAPLINE_AUTH_OIDC_ISSUER: `http://${provider}`, TAPLINE_AUTH_OIDC_CLIENT_ID: "tapline", TAPLINE_AUTH_OIDC_CLIENT_SECRET: "the-secret",
      TAPLINE_AUTH_OIDC_REDIRECT_URL: `${url}/auth/callback`, TAPLINE_AUTH_OIDC_ROLES: "tapline-editors=editor,staff=viewer",
      TAPLINE_REJECTS_DIRECTORY: join(folder, "rejects"), TAPLINE_SUPPRESSION_KEYS: (await readFile(join(folder, "data", "suppression.key"), "utf8")).trim(),
    } }),
  ];
  const ended = programs.map((p) => new Promise<void>((resolve) => p.once("exit", () => resolve())));
  return {
    url,
    end: async () => {
      for (const p of programs) p.kill("SIGTERM");
      await Promise.all(ended);
    },
  };
}
