/** days are the periods that figures are shown for by day. */
export const days = [7, 30, 90] as const;

/** readStatsSearch reads the period that an address shows; without one the newest runs are shown. */
export function readStatsSearch(raw: Record<string, unknown>): { period?: (typeof days)[number] } {
  const period = days.find((d) => d === Number(raw["period"]));
  return period === undefined ? {} : { period };
}
