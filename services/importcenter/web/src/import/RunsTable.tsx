import { Anchor } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";

import type { Run } from "../api/client";
import { isActive } from "../api/queries";
import { Badge } from "../app/Badge";
import { Instant } from "../app/Instant";
import { count } from "../format/number";
import { took } from "../format/time";
import { outcomesOf } from "../run/equation";
import { text } from "../text";

/** RunsTable lists runs, the newest first; figures that still move are in italics. */
export function RunsTable({ runs, now }: { runs: Run[]; now: number }): ReactNode {
  const c = text.import.columns;
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label={text.import.runs}>
      <table className="table">
        <thead>
          <tr>
            <th scope="col">{c.run}</th><th scope="col">{c.state}</th><th scope="col">{c.mode}</th><th scope="col">{c.began}</th>
            <th scope="col" className="numbers">{c.took}</th><th scope="col" className="numbers">{c.loaded}</th><th scope="col" className="numbers">{c.rejected}</th>
          </tr>
        </thead>
        <tbody>
          {runs.map((r) => {
            const o = outcomesOf(r.counts);
            const figure = isActive(r.state) ? "numbers moving" : "numbers";
            return (
              <tr key={r.run}>
                <td><Anchor inherit renderRoot={(props) => <Link {...props} to="/runs/$run" params={{ run: r.run }} />}>{r.run}</Anchor></td>
                <td><Badge state={r.state} word={text.states[r.state] ?? r.state} /></td>
                <td>{r.mode}</td>
                <td><Instant at={r.startedAt} now={now} /></td>
                <td className={figure}>{took((r.finishedAt === null ? now : Date.parse(r.finishedAt)) - Date.parse(r.startedAt))}</td>
                <td className={figure}>{count(o.loaded)}</td>
                <td className={figure}>{count(o.rejected + o.stillRejected)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
