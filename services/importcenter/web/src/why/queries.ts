import { client, takeExact } from "../api/client";
import type { Schemas } from "../api/client";

export type WhyAnswer = Schemas["WhyAnswer"];
export type Appearance = Schemas["Appearance"];

/** askWhy asks what became of a person's rows. The identity is in the body: addresses stand in logs. */
export function askWhy(name: string, identity: string, clevertap: boolean): Promise<WhyAnswer> {
  const body = { identity, ...(clevertap ? { clevertap } : {}) };
  return takeExact<WhyAnswer>(client.POST("/v1/imports/{import}/why", { params: { path: { import: name } }, body, parseAs: "text" }));
}
