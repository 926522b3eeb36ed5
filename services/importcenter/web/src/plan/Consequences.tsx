import { List, Text, Title } from "@mantine/core";
import type { ReactNode } from "react";

import type { Schemas } from "../api/client";
import { Toned } from "../app/Badge";
import { count } from "../format/number";
import { took } from "../format/time";
import { text } from "../text";

const t = text.edit.review;

/** Consequences say what applying a definition causes. */
export function Consequences({ planned, changed = false }: { planned: Schemas["Plan"]; changed?: boolean }): ReactNode {
  const [change] = planned.changes;
  if (change === undefined || (change.outcome === "unchanged" && change.consequences.length === 0)) return <Text>{t.nothing}</Text>;
  return (
    <>
      <Title order={2} size="h5">{t.causes}</Title>
      <List>
        {change.consequences.map((c) => (
          <List.Item key={`${c.about} ${c.text}`}>
            {c.refused === true ? <Toned tone="bad">{c.text}</Toned> : c.text}
            {c.estimate !== undefined && <Text span size="sm"> ({count(c.estimate.records)} records, {count(c.estimate.calls)} calls, {took(1000 * c.estimate.seconds)}; {c.estimate.source})</Text>}
          </List.Item>
        ))}
      </List>
      {planned.warnings.length > 0 && <><Title order={2} size="h5">{t.warnings}</Title><List>{planned.warnings.map((w) => <List.Item key={w.text}>{w.text}</List.Item>)}</List></>}
      <details open={changed}>
        <summary>{t.fields}</summary>
        <List size="sm">
          {change.fields.map((f) => <List.Item key={f.path}><code className="inline">{{ add: "+", change: "~", remove: "-" }[f.op]} {f.path}</code> {f.before !== undefined && <bdi>{JSON.stringify(f.before)}</bdi>} {f.before !== undefined && f.after !== undefined && "→"} {f.after !== undefined && <bdi>{JSON.stringify(f.after)}</bdi>}</List.Item>)}
        </List>
      </details>
    </>
  );
}
