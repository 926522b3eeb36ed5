import type { ReactNode } from "react";

import type { Schemas } from "../api/client";
import { Toned } from "../app/Badge";
import type { Tone } from "../app/Badge";
import { text } from "../text";

const tones: Record<string, Tone> = { ok: "ok", warning: "warn", failed: "bad", unknown: "idle" };

/** Checks lists what was looked at, each on its own line, with what to do. */
export function Checks({ title, checks }: { title: string; checks: Schemas["Check"][] }): ReactNode {
  const c = text.admin.doctor.columns;
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label={title}>
      <table className="table">
        <thead><tr><th scope="col">{c.check}</th><th scope="col">{c.state}</th><th scope="col">{c.finding}</th><th scope="col">{c.action}</th></tr></thead>
        <tbody>
          {checks.map((check) => (
            <tr key={check.name}>
              <th scope="row">{check.name}</th>
              <td><Toned tone={tones[check.state] ?? "idle"}>{text.admin.accounts.checks[check.state] ?? check.state}</Toned></td>
              <td className="wraps">{check.finding}</td>
              <td className="wraps">{check.action}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
