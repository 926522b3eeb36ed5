import type { Schemas } from "../api/client";

/** wrongOf counts of whom CleverTap does not hold what it should: a repair sends them. */
export function wrongOf(v: Pick<Schemas["Verification"], "people">): number {
  return v.people.differs + v.people.missing;
}
