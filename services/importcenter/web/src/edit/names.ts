const plain = /^[A-Z_][A-Z0-9_$]*$/;

/** quoted writes a name as SQL reads it: as it is where Snowflake would store it so, else in quotes. */
export function quoted(name: string): string {
  return plain.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}

/** fullName is a table's name with its database and schema. */
export function fullName(t: { database: string; schema?: string; name?: string }): string {
  return [t.database, t.schema, t.name].filter((part) => part !== undefined).map(quoted).join(".");
}

/** lastPart is what a person has typed of a table's own name, for a search. */
export function lastPart(typed: string): string {
  const parts = typed.match(/"(?:[^"]|"")*"?|[^.]+/g) ?? [];
  return (typed.endsWith(".") ? "" : (parts.at(-1) ?? "")).replace(/^"|"$/g, "").replaceAll('""', '"');
}

const loopback = new Set(["127.0.0.1", "localhost", "::1"]);

/** sandboxOf is the address of a stand-in for Snowflake on this machine, which takes files from a browser; nothing of a real one. */
export function sandboxOf(spec: unknown): string | undefined {
  const { host = "", port, protocol } = (spec ?? {}) as { host?: string; port?: number; protocol?: string };
  if (protocol !== "http" || !loopback.has(host)) return undefined;
  return `http://${host.includes(":") ? `[${host}]` : host}${port === undefined ? "" : `:${port}`}/`;
}
