/** RejectSearch is what the address of the failed rows holds: the API's own filters. */
export interface RejectSearch {
  run?: string;
  code?: string;
  column?: string;
  stage?: "extract" | "map" | "load";
  state?: "open" | "replaying" | "replayed" | "dismissed";
}

export const states = ["open", "replaying", "replayed", "dismissed"] as const;
const stages = ["extract", "map", "load"] as const;

/** readRejectSearch takes what an address holds; what it does not know counts as absent. */
export function readRejectSearch(raw: Record<string, unknown>): RejectSearch {
  const word = (name: string) => {
    const value = raw[name];
    // A column that is called 2024 arrives as a number.
    return (typeof value === "string" && value !== "") || typeof value === "number" ? { [name]: String(value) } : {};
  };
  const stage = stages.find((s) => s === raw["stage"]);
  const state = states.find((s) => s === raw["state"]);
  return { ...word("run"), ...word("code"), ...word("column"), ...(stage === undefined ? {} : { stage }), ...(state === undefined ? {} : { state }) };
}

/** commandOf is the command that lists the same. */
export function commandOf(verb: string, name: string, s: RejectSearch): string {
  return [verb, name, s.run && `--run ${s.run}`, s.code && `--code ${s.code}`, s.column && `--column ${s.column}`].filter(Boolean).join(" ");
}
