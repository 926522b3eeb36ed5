import type { ReactNode } from "react";

import { absolute, relative } from "../format/time";

/** Instant shows when something was or will be: seen from now, and exact on hover and for screen readers. */
export function Instant({ at, now, none = "" }: { at: string | null | undefined; now: number; none?: string }): ReactNode {
  if (at === null || at === undefined || at === "") return none;
  return (
    <time dateTime={at} title={absolute(at)}>
      {relative(at, now)}
    </time>
  );
}
