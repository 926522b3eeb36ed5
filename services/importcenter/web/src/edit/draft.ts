import type { Definition, Schemas } from "../api/client";

export type Spec = Schemas["ImportSpec"];
export type Property = Schemas["Property"];
export type Schedule = Schemas["Schedule"];

/** Draft is a definition while a person works on it; it may lack anything but its name. */
export interface Draft {
  name: string;
  displayName: string;
  owner?: string;
  labels?: Record<string, string>;
  spec: Spec;
}

export const steps = ["source", "identity", "properties", "dry-run", "schedule", "review"] as const;
export type Step = (typeof steps)[number];

export function isStep(text: string): text is Step {
  return (steps as readonly string[]).includes(text);
}

const longestName = 40;

/** nameOf makes a nickname the name of an import: small letters, digits and dashes. */
export function nameOf(nickname: string): string {
  const name = nickname.normalize("NFKD").toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "");
  return name.slice(0, longestName).replace(/-+$/, "");
}

/** begin is a draft of which only where rows come from and where they go is known. */
export function begin(displayName: string, type: string, connectionRef: string, accountRef: string, timezone: string): Draft {
  const event = type === "event" ? { event: { name: displayName.trim() } } : {};
  return {
    name: nameOf(displayName),
    displayName: displayName.trim(),
    spec: { timezone, source: { connectionRef }, destination: { accountRef, type, ...event }, identity: { column: "" }, mapping: [] },
  };
}

export function fromDefinition(d: Definition): Draft {
  const { draft: _, ...spec } = d.spec;
  return {
    name: d.metadata.name,
    displayName: d.metadata.displayName ?? "",
    ...(d.metadata.owner === undefined ? {} : { owner: d.metadata.owner }),
    ...(d.metadata.labels === undefined ? {} : { labels: d.metadata.labels }),
    spec: { ...spec, mapping: spec.mapping ?? [] },
  };
}

/** documentOf is the definition as Import Center takes it. What is empty is left out, as nobody has said it. */
export function documentOf(d: Draft, asDraft: boolean): Schemas["Document"] {
  const metadata = prune({ name: d.name, displayName: d.displayName, owner: d.owner, labels: d.labels });
  const spec = prune({ ...(asDraft ? { draft: true } : {}), ...d.spec, mapping: d.spec.mapping.map(shortest) }) as Record<string, unknown>;
  if (!asDraft && spec["mapping"] === undefined) spec["mapping"] = [];
  return { apiVersion: "tapline.dev/v1alpha1", kind: "Import", metadata, spec };
}

/** shortest writes a line as COLUMN -> property where it says nothing else. */
function shortest(p: Property): unknown {
  const { from, to, ...rest } = p;
  const more = Object.values(rest).some((v) => v !== undefined && v !== "");
  if (more || from === undefined || to === undefined || from === "" || to === "" || /->/.test(from) || from.trim() !== from || to.trim() !== to) return p;
  return from === to ? from : `${from} -> ${to}`;
}

/** prune leaves out empty texts, objects and lists; false and 0 are said. */
function prune(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(prune);
  if (typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value)
    .map(([key, v]) => [key, key === "default" || key === "value" ? v : prune(v)] as const)
    .filter(([, v]) => v !== undefined && v !== "" && !(Array.isArray(v) && v.length === 0) && !(isObject(v) && Object.keys(v).length === 0));
  return Object.fromEntries(kept);
}

function isObject(v: unknown): v is object {
  return typeof v === "object" && v !== null && !Array.isArray(v);
}

/** Switched is a definition of the other type, and what of the old one has no meaning there. */
export interface Switched {
  spec: Spec;
  lost: string[];
}

/**
 * switchType makes profiles of events or the reverse. Source, cursor, identity, schedules and
 * the lines of the mapping stay; what only the other type knows is named and left out.
 */
export function switchType(spec: Spec, type: string, name: string): Switched {
  if (spec.destination.type === type) return { spec, lost: [] };
  const lost: string[] = [];
  const { event, onOutsideRetention, ...destination } = spec.destination;
  if (type === "event") {
    const mapping = spec.mapping.map((p) => {
      if (p.op === undefined || p.op === "") return p;
      lost.push(`the operator ${p.op} of ${p.to ?? ""}`);
      const { op: _, ...rest } = p;
      return rest;
    });
    return { spec: { ...spec, mapping, destination: { ...destination, type, event: { name } } }, lost };
  }
  if (event?.name !== undefined && event.name !== "") lost.push(`the event's name ${event.name}`);
  if (event?.nameColumn !== undefined && event.nameColumn !== "") lost.push(`the column ${event.nameColumn} of the event's name`);
  if (event?.createdOn !== undefined) lost.push(`Created On from ${event.createdOn.column}`);
  if (onOutsideRetention !== undefined) lost.push("what is done with events that are too old");
  return { spec: { ...spec, destination: { ...destination, type } }, lost };
}

/** Difference is where two definitions say different things. */
export interface Difference {
  path: string;
  mine: unknown;
  theirs: unknown;
}

/** differences lists where two values differ, a path for each; lists are compared as a whole but for mappings, line by line. */
export function differences(mine: unknown, theirs: unknown, path = ""): Difference[] {
  if (JSON.stringify(mine) === JSON.stringify(theirs)) return [];
  if (isObject(mine) && isObject(theirs)) {
    const keys = [...new Set([...Object.keys(mine), ...Object.keys(theirs)])].sort();
    const at = (o: object, key: string): unknown => (o as Record<string, unknown>)[key];
    return keys.flatMap((key) => differences(at(mine, key), at(theirs, key), path === "" ? key : `${path}.${key}`));
  }
  return [{ path, mine, theirs }];
}
