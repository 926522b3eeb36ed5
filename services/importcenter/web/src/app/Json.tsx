import { Fragment } from "react";
import type { ReactNode } from "react";

import { pieces } from "./jsonLines";

/** Json shows a value of the data as JSON, exact, with the member that failed marked. */
export function Json({ value, mark }: { value: unknown; mark?: string | undefined }): ReactNode {
  return (
    <pre className="code tall" tabIndex={0}>
      {pieces(value, mark).map((p, n) => (
        <Fragment key={n}>
          {n > 0 && "\n"}
          {p.marked ? <mark>{p.text}</mark> : p.text}
        </Fragment>
      ))}
    </pre>
  );
}
