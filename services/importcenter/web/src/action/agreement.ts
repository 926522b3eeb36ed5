import type { Confirmation } from "../api/client";
import { count } from "../format/number";
import { text } from "../text";

/** Agreement is what a person has agreed to, as the API asks for it. */
export interface Agreement {
  confirm?: string;
  repeats?: number;
}

/** agreementTo is what agrees to all that a confirmation asks. */
export function agreementTo(c: Confirmation): Agreement {
  return {
    ...(c.confirm === undefined || c.confirm === "" ? {} : { confirm: c.confirm }),
    ...(c.repeats === undefined || c.repeats === 0 ? {} : { repeats: c.repeats }),
  };
}

/** wouldSend says how much an action sends, and where to. */
export function wouldSend(c: Confirmation): string {
  const records = c.recordsKnown && c.records !== undefined ? `${count(c.records)} ${c.type}${c.records === 1 ? "" : "s"}` : text.confirm.unknown;
  return text.confirm.send(records, text.confirm.account(c.account, c.environment ?? text.confirm.unsaid));
}
