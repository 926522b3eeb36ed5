/** RejectSearch is what the address of the rejected rows holds. */
export interface RejectSearch {
  run?: string;
  code?: string;
}

/** readRejectSearch takes what an address holds; what it does not know counts as absent. */
export function readRejectSearch(raw: Record<string, unknown>): RejectSearch {
  const run = raw["run"];
  const code = raw["code"];
  return { ...(typeof run === "string" ? { run } : {}), ...(typeof code === "string" ? { code } : {}) };
}
