import type { Schedule } from "./draft";

export const kinds = ["manual", "every", "week", "month", "cron"] as const;
export type Kind = (typeof kinds)[number];
export const weekdays = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;

/** kindOf says which kind a schedule is; several, or one instant, are none of those that the page edits. */
export function kindOf(schedules: Schedule[]): Kind | undefined {
  const [s, ...more] = schedules;
  if (s === undefined) return "manual";
  if (more.length > 0 || s.at !== undefined) return undefined;
  if (s.every !== undefined) return "every";
  if (s.daysOfWeek !== undefined) return "week";
  if (s.daysOfMonth !== undefined) return "month";
  return s.cron === undefined ? undefined : "cron";
}

/** first is a schedule to begin with. */
export function first(kind: Kind): Schedule[] {
  switch (kind) {
    case "manual": return [];
    case "every": return [{ every: "6h" }];
    case "week": return [{ daysOfWeek: ["mon", "tue", "wed", "thu", "fri"], times: ["09:00"] }];
    case "month": return [{ daysOfMonth: [1], times: ["09:00"] }];
    case "cron": return [{ cron: "0 */6 * * *" }];
  }
}

/** readList splits what a person writes with commas or blanks. */
export function readList(typed: string): string[] {
  return typed.split(/[\s,]+/).filter((part) => part !== "");
}

/** readMonthDays reads days of the month; what is none is kept for the API to refuse in its words. */
export function readMonthDays(typed: string): (number | "last")[] {
  return readList(typed).map((part) => (part === "last" ? "last" : Number.isInteger(Number(part)) ? Number(part) : 0));
}
