import { Stack, Text } from "@mantine/core";
import type { ReactNode } from "react";

import type { Schemas } from "../api/client";
import { Toned } from "../app/Badge";
import { visible } from "../app/jsonLines";
import { shorten } from "../edit/grid";
import { clock } from "../format/time";
import { text } from "../text";

const t = text.why;
const shown = 120;

/** Lines say what each part of the mapping made of a row. */
export function Lines({ lines }: { lines: Schemas["Line"][] }): ReactNode {
  const c = t.lines;
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label={t.mapping}>
      <table className="table">
        <thead><tr><th scope="col">{c.column}</th><th scope="col">{c.before}</th><th scope="col">{c.property}</th><th scope="col">{c.after}</th><th scope="col">{c.result}</th></tr></thead>
        <tbody>
          {lines.map((l, n) => (
            <tr key={n}>
              <td>{l.column ?? l.rule?.expr}</td>
              <td className="wraps"><bdi>{written(l.before)}</bdi></td>
              <th scope="row">{l.property}</th>
              <td className="wraps"><bdi>{written(l.after)}</bdi></td>
              <td className="wraps">{l.result === "rejected" || l.result === "omitted" ? <Toned tone="bad">{t.results[l.result]}: {[l.code, l.reason].filter(Boolean).join(", ")}</Toned> : t.results[l.result]}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function written(value: unknown): string {
  return value === undefined ? "" : shorten(visible(JSON.stringify(value)), shown);
}

/** Uploads are the requests that held a record, with what CleverTap answered. */
export function Uploads({ uploads }: { uploads: Schemas["Upload"][] }): ReactNode {
  return (
    <Stack gap={4}>
      {uploads.map((u) => (
        <Text key={`${u.upload} ${u.try ?? 0}`} size="sm">
          {u.sent !== undefined && clock(u.sent)} {u.status !== undefined && `HTTP ${u.status}: `}{u.answer}{" "}
          <span className="inline">{t.upload(u.upload, u.try ?? 1, u.place ?? 0, u.records ?? 0)}</span>
        </Text>
      ))}
    </Stack>
  );
}
