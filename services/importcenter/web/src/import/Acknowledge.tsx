import { Button, Group, Select, Stack, Text, TextInput } from "@mantine/core";
import type { ReactNode } from "react";
import { useState } from "react";

import { useAction } from "../action/useAction";
import { client, take } from "../api/client";
import type { Listing } from "../api/client";
import { Press } from "../app/Press";
import { ProblemNote } from "../app/ProblemNote";
import { useMay } from "../app/role";
import { absolute } from "../format/time";
import { text } from "../text";
import { spans, untilOf } from "./until";
import type { Span } from "./until";

const t = text.actions.acknowledge;
/** The conditions that people are told of. */
const told = new Set(["held", "credentialsRefused", "failed", "stale"]);

/** Acknowledge mutes what is known of an import until an instant, and takes that back. */
export function Acknowledge({ name, listing }: { name: string; listing: Listing }): ReactNode {
  const may = useMay("operator");
  const [opened, setOpened] = useState(false);
  const known = listing.acknowledged;
  const lift = useAction(() => take(client.DELETE("/v1/imports/{import}/acknowledgement", { params: { path: { import: name } } })));
  if (known !== undefined) {
    return (
      <Group>
        <Text>{t.known(known.by, absolute(known.until), known.reason ?? "")}</Text>
        {may && <Press size="compact-sm" variant="default" busy={lift.pending} onClick={lift.start}>{t.lift}</Press>}
        <ProblemNote error={lift.error} />
      </Group>
    );
  }
  if (!may || !(told.has(listing.condition ?? "") || listing.lastRunState === "failed")) return null;
  return (
    <Stack gap="xs">
      <Group><Button size="compact-sm" variant="default" aria-expanded={opened} onClick={() => setOpened(!opened)}>{t.open}</Button></Group>
      {opened && <Form name={name} onDone={() => setOpened(false)} />}
    </Stack>
  );
}

function Form({ name, onDone }: { name: string; onDone: () => void }): ReactNode {
  const [span, setSpan] = useState<Span>("h12");
  const [at, setAt] = useState("");
  const [reason, setReason] = useState("");
  const acknowledge = useAction(async () => {
    const body = { until: untilOf(span, at, Date.now()), ...(reason === "" ? {} : { reason }) };
    await take(client.PUT("/v1/imports/{import}/acknowledgement", { params: { path: { import: name } }, body }));
    onDone();
  });
  return (
    <div className="form">
      <Select label={t.until} description={t.help} allowDeselect={false} value={span} data={spans.map((value) => ({ value, label: t.spans[value] ?? value }))} onChange={(v) => setSpan(v as Span)} />
      {span === "other" && <TextInput type="datetime-local" aria-label={t.spans["other"]} value={at} onChange={(e) => setAt(e.currentTarget.value)} />}
      <TextInput label={t.reason} description={t.reasonHelp} value={reason} onChange={(e) => setReason(e.currentTarget.value)} />
      <Group><Press disabled={span === "other" && at === ""} busy={acknowledge.pending} onClick={acknowledge.start}>{t.go}</Press></Group>
      <ProblemNote error={acknowledge.error} />
      {acknowledge.dialog}
    </div>
  );
}
