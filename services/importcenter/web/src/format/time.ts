const units: [limit: number, seconds: number, name: string][] = [
  [90, 1, "s"],
  [90 * 60, 60, "m"],
  [36 * 3600, 3600, "h"],
  [2 * 365 * 86400, 86400, "d"],
  [Infinity, 365.25 * 86400, "y"],
];

/** span writes a length of time in one unit: 45 s, 12 m, 3 h, 9 d, 28 y. */
export function span(milliseconds: number): string {
  const seconds = Math.max(0, milliseconds / 1000);
  for (const [limit, size, name] of units) {
    if (seconds < limit) return `${Math.round(seconds / size)} ${name}`;
  }
  return "";
}

/** took writes how long something took; what was short has a decimal: 0.4 s, 12 m. */
export function took(milliseconds: number): string {
  const seconds = Math.max(0, milliseconds / 1000);
  if (seconds === 0 || seconds >= 9.95) return span(milliseconds);
  return seconds < 0.05 ? "< 0.1 s" : `${seconds.toFixed(1).replace(/\.0$/, "")} s`;
}

/** relative writes an instant as seen from now: "4 m ago", "in 2 h". */
export function relative(instant: string, now: number): string {
  const distance = Date.parse(instant) - now;
  return distance > 0 ? `in ${span(distance)}` : `${span(-distance)} ago`;
}

/** absolute writes an instant in a zone: 2026-11-30 02:35:00 GMT+1. */
export function absolute(instant: string, zone?: string): string {
  const parts = new Intl.DateTimeFormat("en-GB", {
    year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit",
    hourCycle: "h23", timeZoneName: "short", ...(zone === undefined ? {} : { timeZone: zone }),
  }).formatToParts(new Date(instant));
  const part = (type: string) => parts.find((p) => p.type === type)?.value ?? "";
  return `${part("year")}-${part("month")}-${part("day")} ${part("hour")}:${part("minute")}:${part("second")} ${part("timeZoneName")}`;
}

/** clock writes the time of day of an instant, in the viewer's zone. */
export function clock(at: string, zone?: string): string {
  return new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23", ...(zone === undefined ? {} : { timeZone: zone }) }).format(new Date(at));
}
