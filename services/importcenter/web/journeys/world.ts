import { expect } from "vitest";

import { api } from "./browser";

export const slow = { timeout: 30_000 };

export interface Definition {
  apiVersion: string;
  kind: string;
  metadata: { name: string; displayName?: string };
  spec: { draft?: boolean; source: { query?: string; cursor?: { column?: string } }; destination: { accountRef: string; type: string }; identity: { column: string }; mapping: { from?: string; to?: string; onInvalid?: string; onNull?: string; type?: string }[]; schedules?: unknown[]; limits?: Record<string, unknown> };
}

export interface Run { run: string; state: string; mode: string; counts: { loaded: number; read: number; mapRejected: number } }
interface Runs { items: Run[] }
interface Resource { spec: { endpoint: string; environment?: string } }

export const definition = (name: string) => api<Definition>(`/v1/imports/${name}`);
export const newest = async (name: string) => (await api<Runs>(`/v1/runs?import=${name}&pageSize=1`)).items[0];

/** unique gives each try of a journey names of its own. */
export const unique = (text: string) => `${text}-${Date.now().toString(36)}${Math.floor(Math.random() * 1296).toString(36)}`;

/** send changes something at Import Center past the page. */
export async function send<T>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<T> {
  return api<T>(path, { method, headers: { "Content-Type": method === "PATCH" ? "application/merge-patch+json" : "application/json", ...headers }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
}

/** importOf makes an import like the demo's customers under a name of its own. */
export async function importOf(name: string, spec: Partial<Definition["spec"]>): Promise<void> {
  const { apiVersion, kind, spec: like } = await definition("customers");
  await send("PUT", `/v1/imports/${name}`, { apiVersion, kind, metadata: { name }, spec: { ...like, ...spec } }, { "If-None-Match": "*" });
}

/** ran starts a run and returns it once it has ended. */
export async function ran(name: string, query = ""): Promise<Run> {
  const { run } = await send<Run>("POST", `/v1/imports/${name}/runs${query}`);
  return ended(run);
}

export async function ended(run: string): Promise<Run> {
  await expect.poll(async () => (await api<Run>(`/v1/runs/${run}`)).state, { timeout: 60_000 }).toMatch(/^(succeeded|failed|cancelled)/);
  return api<Run>(`/v1/runs/${run}`);
}

/** account makes an account like the demo's under a name of its own. */
export async function account(name: string, environment?: string): Promise<void> {
  const { apiVersion, kind, spec } = await api<Definition>("/v1/accounts/clevertap");
  await send("PUT", `/v1/accounts/${name}`, { apiVersion, kind, metadata: { name }, spec: { ...spec, ...(environment === undefined ? {} : { environment }) } }, { "If-None-Match": "*" });
}

/** to is a destination of profiles in an account. */
export const to = (accountRef: string) => ({ destination: { accountRef, type: "profile" } });

/** held is the profile that CleverTap's sandbox holds, or nothing. */
export async function held(identity: string): Promise<{ profileData?: Record<string, unknown> } | undefined> {
  const { spec } = await api<Resource>("/v1/accounts/clevertap");
  const answer = await fetch(`${spec.endpoint}/sandbox/v1/profiles/${encodeURIComponent(identity)}`);
  return answer.status === 404 ? undefined : ((await answer.json()) as { profileData?: Record<string, unknown> });
}
