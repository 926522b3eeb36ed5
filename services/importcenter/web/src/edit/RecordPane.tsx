import { Button, Group, Stack, Text, Title } from "@mantine/core";
import { useState } from "react";
import type { ReactNode } from "react";

import { Toned } from "../app/Badge";
import { Json } from "../app/Json";
import { text } from "../text";
import type { Tried } from "./requests";

const t = text.edit.properties;

/** RecordPane shows one row of the sample before and after, with what fails. */
export function RecordPane({ rows, tried }: { rows: unknown[]; tried: Tried | undefined }): ReactNode {
  const [at, setAt] = useState(0);
  const shown = Math.min(at, rows.length - 1);
  if (rows.length === 0) return null;
  const result = tried?.rows[shown];
  const failed = [...(result?.rejects ?? []), ...(result?.omitted ?? [])];
  return (
    <Stack gap="xs">
      <Group>
        <Title order={2} size="h5">{t.record}</Title>
        <Button size="compact-sm" variant="default" disabled={shown === 0} onClick={() => setAt(shown - 1)}>{t.previousRow}</Button>
        <Text size="sm">{t.row(shown + 1, rows.length)}</Text>
        <Button size="compact-sm" variant="default" disabled={shown === rows.length - 1} onClick={() => setAt(shown + 1)}>{t.nextRow}</Button>
      </Group>
      <div className="flow">
        <section className="stage" aria-label={t.before}>
          <Text fw={600} size="sm">{t.before}</Text>
          <Json value={rows[shown]} mark={failed[0]?.column} />
        </section>
        <section className="stage" aria-label={t.after}>
          <Text fw={600} size="sm">{t.after}</Text>
          {result?.record === undefined || result.record === null ? result !== undefined && <Text size="sm">{t.rejected}</Text> : <Json value={result.record} />}
          {failed.map((c, n) => <Text key={n} size="sm"><Toned tone="bad">{[c.property || c.column, c.code].filter(Boolean).join(": ")}</Toned> {c.reason}</Text>)}
        </section>
      </div>
    </Stack>
  );
}
