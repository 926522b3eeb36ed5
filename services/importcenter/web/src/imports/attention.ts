import type { Listing } from "../api/client";
import { text } from "../text";

/** Need is an import that somebody should look at, and why in a few words. */
export interface Need {
  import: string;
  why: string;
  run?: string;
}

/** urgent are the conditions that somebody has to look at, the most urgent first. */
const urgent = ["held", "credentialsRefused", "failed", "stale", "red"];

/** needs lists what should be looked at, the most urgent first. */
export function needs(imports: Listing[]): Need[] {
  const found: { need: Need; rank: number }[] = [];
  for (const l of imports) {
    const rank = urgent.indexOf(l.condition ?? "");
    const why = rank >= 0 ? reason(l)
      : (l.approvals ?? []).length > 0 ? text.imports.approval
      : l.frozen !== undefined ? [text.imports.frozen, l.frozen.reason].filter(Boolean).join(": ")
      : undefined;
    if (why === undefined) continue;
    found.push({ rank: rank >= 0 ? rank : urgent.length, need: { import: l.import, why, ...(l.lastRun === undefined ? {} : { run: l.lastRun }) } });
  }
  return found.sort((a, b) => a.rank - b.rank || a.need.import.localeCompare(b.need.import)).map((f) => f.need);
}

function reason(l: Listing): string {
  const word = text.imports.conditions[l.condition ?? ""] ?? "";
  const code = l.condition === "failed" && l.lastRunError !== undefined ? ` (${l.lastRunError})` : "";
  return l.conditionReason === undefined ? word + code : `${word}: ${l.conditionReason}${code}`;
}

/** whyOf says in one sentence why an import is as it is; what a person has to do comes first. */
export function whyOf(l: Listing): string {
  const t = text.imports;
  if (l.hold !== undefined) return `${t.conditions["held"] ?? ""}: ${l.hold.reason}`;
  if (l.frozen !== undefined) return [t.frozen, l.frozen.reason].filter(Boolean).join(": ");
  if (l.waiting !== undefined) return t.waits(l.waiting.account, l.waiting.reason);
  if ((l.approvals ?? []).length > 0) return t.approval;
  if (l.condition === "green") return "";
  // The share stands under Health already.
  return (l.conditionReason ?? "").replace(/^[\d.]+ % of the records got through; /, "");
}
