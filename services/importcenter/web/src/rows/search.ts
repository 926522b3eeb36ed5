/** RowSearch is what the address of a run's rows holds. */
export interface RowSearch {
  result?: "loaded" | "rejected" | "skipped";
}

export const results = ["loaded", "rejected", "skipped"] as const;

export function readRowSearch(raw: Record<string, unknown>): RowSearch {
  const result = results.find((r) => r === raw["result"]);
  return result === undefined ? {} : { result };
}
