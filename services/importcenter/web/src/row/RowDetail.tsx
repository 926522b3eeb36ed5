import { Anchor, Button, CopyButton, Group, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";

import { Json } from "../app/Json";
import { ProblemNote } from "../app/ProblemNote";
import { Waiting } from "../app/Waiting";
import { text } from "../text";
import { askWhy } from "../why/queries";
import type { Appearance } from "../why/queries";
import { Lines, Uploads } from "../why/Parts";
import { meaningOf } from "./catalogue";

const t = text.rows.detail;

/** Known is what a list says of a row; the rest is read when the row is opened. */
export interface Known {
  import: string;
  run: string;
  id: string;
  identity?: string | undefined;
  code?: string | undefined;
  reason?: string | undefined;
  column?: string | undefined;
  property?: string | undefined;
  row?: unknown;
  record?: unknown;
  stage?: string | undefined;
}

/**
 * RowDetail is one row as source row, record and CleverTap's answer, side by side. What the list
 * lacks is read from the topics by the person's identity, which the audit notes.
 */
export function RowDetail({ known, actions }: { known: Known; actions?: ReactNode }): ReactNode {
  const whole = useQuery({
    queryKey: ["row", known.run, known.id],
    queryFn: async () => (await askWhy(known.import, known.identity ?? "", false)).rows.find((r) => r.run === known.run && r.id === known.id) ?? null,
    enabled: known.identity !== undefined,
    staleTime: Infinity,
    structuralSharing: false,
  });
  const found = whole.data ?? undefined;
  const meaning = known.code === undefined ? undefined : meaningOf(known.code);
  const waits = known.identity !== undefined && whole.isPending;
  return (
    <Stack gap="sm" py="sm">
      {known.reason !== undefined && <Text fw={600}>{[known.property ?? known.column, known.reason].filter(Boolean).join(": ")}</Text>}
      {meaning !== undefined && <Text size="sm">{meaning.meaning} {meaning.action}</Text>}
      <div className="sides">
        <Side title={t.row} value={known.row ?? found?.row} mark={known.column} waits={waits} none={t.noRow} />
        <Side title={t.record} value={known.record ?? found?.record} mark={known.property} waits={waits} none={t.noRecord} />
        <section className="stage" aria-label={t.answer}>
          <Text fw={600} size="sm">{t.answer}</Text>
          <Answer known={known} found={found} waits={waits} />
        </section>
      </div>
      <ProblemNote error={whole.error} />
      {found?.lines !== undefined && <details><summary>{t.lines}</summary><Lines lines={found.lines} /></details>}
      <Group>
        {known.identity !== undefined && <Anchor renderRoot={(props) => <Link {...props} to="/imports/$import/why" params={{ import: known.import }} hash={`identity=${encodeURIComponent(known.identity ?? "")}`} />}>{t.why}</Anchor>}
        {actions}
      </Group>
    </Stack>
  );
}

function Side({ title, value, mark, waits, none }: { title: string; value: unknown; mark: string | undefined; waits: boolean; none: string }): ReactNode {
  return (
    <section className="stage" aria-label={title}>
      <Text fw={600} size="sm">{title}</Text>
      {value !== undefined && value !== null ? <Json value={value} mark={mark} /> : waits ? <Waiting /> : <Text size="sm">{none}</Text>}
    </section>
  );
}

function Answer({ known, found, waits }: { known: Known; found: Appearance | undefined; waits: boolean }): ReactNode {
  const uploads = found?.uploads ?? [];
  if (uploads.length > 0) return <Uploads uploads={uploads} />;
  if (known.stage === "load" && known.reason !== undefined) return <Text size="sm">{known.reason}</Text>;
  if (known.stage === "map" || known.stage === "extract") return <Text size="sm">{t.neverSent}</Text>;
  return waits ? <Waiting /> : <Text size="sm">{t.noAnswer}</Text>;
}

/** CopyRow copies a row or record as JSON. */
export function CopyRow({ value }: { value: unknown }): ReactNode {
  return (
    <CopyButton value={JSON.stringify(value, null, 2) ?? ""}>
      {({ copied, copy }) => <Button size="compact-sm" variant="default" onClick={copy}>{copied ? text.copied : t.copy}</Button>}
    </CopyButton>
  );
}
