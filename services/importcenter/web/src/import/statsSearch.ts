import { periods } from "./series";
import type { Period } from "./series";

/** readStatsSearch reads the period that an address shows. */
export function readStatsSearch(raw: Record<string, unknown>): { period?: Period } {
  const period = periods.find((p) => p === String(raw["period"]));
  return period === undefined || period === "runs" ? {} : { period };
}
