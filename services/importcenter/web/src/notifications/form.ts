import schema from "../../../../../schemas/notification.v1alpha1.schema.json";

import type { Schemas } from "../api/client";

/** Channel is by what a message goes. */
export type Channel = "webhook" | "slack" | "email";

/** Form is a notification while a person works on it: every value as it was typed. */
export interface Form {
  names: string;
  owners: string;
  labels: string;
  severities: string;
  on: string[];
  channel: Channel;
  /** By the path of its field, such as email.host. */
  values: Record<string, string>;
}

interface Text { type?: string; enum?: string[]; items?: { enum?: string[] } }
interface ChannelSchema { properties: Record<string, Text>; required?: string[] }

const spec = schema.properties.spec.properties as unknown as Record<Channel, ChannelSchema> & { on: Text };

export const channels: Channel[] = ["webhook", "slack", "email"];

/** conditions are what can be told. */
export const conditions: string[] = spec.on.items?.enum ?? [];

/** Field is a field of a channel. */
export interface Field {
  path: string;
  choices: string[];
  required: boolean;
  secret: boolean;
  list: boolean;
}

const secrets = new Set(["webhook.secret", "slack.url", "email.password"]);

/** fieldsOf lists the fields of a channel, as the schema has them. */
export function fieldsOf(channel: Channel): Field[] {
  const of = spec[channel];
  return Object.entries(of.properties).map(([name, p]) => {
    const path = `${channel}.${name}`;
    return { path, choices: p.enum ?? [], required: (of.required ?? []).includes(name), secret: secrets.has(path), list: p.type === "array" };
  });
}

const listed = (text: string): string[] => text.split(",").map((s) => s.trim()).filter((s) => s !== "");

type Spec = Record<string, unknown>;

/** specOf is what a form says. What is empty is left out. */
export function specOf(f: Form): Spec {
  const labels = Object.fromEntries(listed(f.labels).map((l) => [l.split("=")[0]?.trim() ?? "", l.split("=").slice(1).join("=").trim()]));
  const selector = {
    ...some("names", listed(f.names)), ...some("owners", listed(f.owners)), ...some("severities", listed(f.severities)),
    ...(Object.keys(labels).length === 0 ? {} : { labels }),
  };
  const values = Object.fromEntries(fieldsOf(f.channel).flatMap(({ path, list }) => {
    const typed = (f.values[path] ?? "").trim();
    const name = path.slice(f.channel.length + 1);
    if (typed === "") return [];
    return [[name, list ? listed(typed) : name === "port" && /^\d+$/.test(typed) ? Number(typed) : typed]];
  }));
  const everything = f.on.length === 0 || f.on.length === conditions.length;
  return {
    ...(Object.keys(selector).length === 0 ? {} : { selector }), ...(everything ? {} : { on: f.on }), [f.channel]: values,
    ...Object.fromEntries(["proxy", "caFile"].filter((k) => (f.values[k] ?? "") !== "").map((k) => [k, f.values[k]])),
  };
}

function some(name: string, values: string[]): Spec {
  return values.length === 0 ? {} : { [name]: values };
}

interface Written {
  selector?: { names?: string[]; owners?: string[]; severities?: string[]; labels?: Record<string, string> };
  on?: string[];
  proxy?: string;
  caFile?: string;
}

/** formOf shows a notification's spec in a form. */
export function formOf(written: unknown): Form {
  const s = (written ?? {}) as Written & Record<Channel, Record<string, unknown> | undefined>;
  const channel = channels.find((c) => s[c] !== undefined) ?? "webhook";
  const values: Record<string, string> = {};
  for (const [name, value] of Object.entries(s[channel] ?? {})) values[`${channel}.${name}`] = Array.isArray(value) ? value.join(", ") : String(value);
  for (const name of ["proxy", "caFile"] as const) if (s[name] !== undefined) values[name] = s[name];
  return {
    names: (s.selector?.names ?? []).join(", "), owners: (s.selector?.owners ?? []).join(", "), severities: (s.selector?.severities ?? []).join(", "),
    labels: Object.entries(s.selector?.labels ?? {}).map(([k, v]) => `${k}=${v}`).join(", "),
    on: s.on ?? conditions, channel, values,
  };
}

/** whichOf says which imports a notification is about. */
export function whichOf(written: unknown, everything: string): string {
  const f = formOf(written);
  return [f.names, f.owners, f.labels, f.severities].filter((s) => s !== "").join("; ") || everything;
}

export type Resource = Schemas["Resource"];
