import type { Listing } from "../api/client";
import { health } from "../format/number";
import { text } from "../text";

/** Need is an import that somebody should look at, and why in a few words. */
export interface Need {
  import: string;
  why: string;
  run?: string;
}

/** needs lists what should be looked at, the most urgent first: what waits for a person, then what failed, then what lost rows. */
export function needs(imports: Listing[]): Need[] {
  const found: { need: Need; rank: number }[] = [];
  const add = (rank: number, l: Listing, why: string) =>
    found.push({ rank, need: { import: l.import, why, ...(l.lastRun === undefined ? {} : { run: l.lastRun }) } });
  for (const l of imports) {
    if (l.hold !== undefined) add(0, l, `${text.imports.held}: ${l.hold.reason}`);
    else if ((l.approvals ?? []).length > 0) add(1, l, text.imports.approval);
    else if (l.frozen !== undefined) add(2, l, l.frozen.reason === undefined ? text.imports.frozen : `${text.imports.frozen}: ${l.frozen.reason}`);
    else if (l.lastRunState === "failed") add(3, l, text.imports.failed);
    else if (l.health !== null && l.health < 0.5) add(4, l, text.imports.rejects(health(1 - l.health)));
  }
  return found.sort((a, b) => a.rank - b.rank || a.need.import.localeCompare(b.need.import)).map((f) => f.need);
}
