export const spans = ["h1", "h12", "d1", "d7", "other"] as const;

/** Span is for how long a failure is known; other is an instant that a person types. */
export type Span = (typeof spans)[number];

const hours: Record<Exclude<Span, "other">, number> = { h1: 1, h12: 12, d1: 24, d7: 168 };

/** untilOf is the instant until which nobody is told. */
export function untilOf(span: Span, typed: string, now: number): string {
  return (span === "other" ? new Date(typed) : new Date(now + hours[span] * 3_600_000)).toISOString();
}
