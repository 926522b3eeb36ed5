import { ApiError, client, take, takeExact } from "../api/client";
import type { Definition, Schemas } from "../api/client";
import { documentOf, fromDefinition } from "./draft";
import type { Draft } from "./draft";

/** Held is a definition with its version. */
export interface Held {
  definition: Definition;
  etag: string;
}

/** hold reads a definition with its version. */
export async function hold(name: string): Promise<Held> {
  let etag = "";
  const definition = await take(
    client.GET("/v1/imports/{import}", { params: { path: { import: name } } }).then((a) => {
      etag = a.response.headers.get("ETag") ?? "";
      return a;
    }),
  );
  return { definition, etag };
}

interface PutOptions {
  asDraft: boolean;
  /** The version that is replaced; "" creates. */
  etag: string;
}

/** put writes a definition over the version that it was made from, and returns the new version. */
export async function put(d: Draft, { asDraft, etag }: PutOptions): Promise<string> {
  let now = "";
  const header = etag === "" ? { "If-None-Match": "*" } : { "If-Match": etag };
  await take(
    client
      .PUT("/v1/imports/{import}", {
        params: { path: { import: d.name }, header, query: asDraft ? { offline: true } : {} },
        body: documentOf(d, asDraft),
      })
      .then((a) => {
        now = a.response.headers.get("ETag") ?? "";
        return a;
      }),
  );
  return now;
}

/** overtaken says that somebody else has changed a definition meanwhile. */
export function overtaken(error: unknown): boolean {
  return error instanceof ApiError && error.problem.status === 412;
}

export async function theirs(name: string): Promise<{ draft: Draft; etag: string; by: string }> {
  const { definition, etag } = await hold(name);
  return { draft: fromDefinition(definition), etag, by: definition.appliedBy ?? "" };
}

export type Sample = Schemas["PreviewResult"];

const sampleRows = 100;

export function describe(d: Draft): Promise<Sample> {
  return take(client.POST("/v1/describe", { body: { documents: [documentOf(d, true)] } }));
}

export function preview(d: Draft): Promise<Sample> {
  return takeExact<Sample>(client.POST("/v1/preview", { body: { documents: [documentOf(d, true)], rows: sampleRows }, parseAs: "text" }));
}

export type Tried = Schemas["MappingTried"];

export function tryMapping(d: Draft, sample: Sample): Promise<Tried> {
  return takeExact<Tried>(client.POST("/v1/mappings/try", { body: { documents: [documentOf(d, true)], columns: sample.columns, rows: sample.rows }, parseAs: "text" }));
}

export type Suggestions = Schemas["MappingSuggested"];

/** suggest asks for a mapping of all columns; what is mapped already has no say in it. */
export function suggest(d: Draft, sample: Sample): Promise<Suggestions> {
  return take(client.POST("/v1/mappings/suggest", { body: { documents: [documentOf({ ...d, spec: { ...d.spec, mapping: [] } }, true)], columns: sample.columns, rows: sample.rows } }));
}

export type ScheduleView = Schemas["ScheduleView"];

export function showSchedule(d: Draft, zone: string): Promise<ScheduleView> {
  return take(client.POST("/v1/schedule", { params: { query: { next: 5, zone } }, body: documentOf(d, true) }));
}

export type Plan = Schemas["Plan"];

export function plan(d: Draft): Promise<Plan> {
  return take(client.POST("/v1/plan", { body: { documents: [documentOf(d, false)] } }));
}
