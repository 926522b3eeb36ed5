import { Anchor, Button, Group, List, Select, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import type { ReactNode } from "react";

import { useAction } from "../action/useAction";
import { client, take } from "../api/client";
import type { Schemas } from "../api/client";
import { importQuery } from "../api/queries";
import { Press } from "../app/Press";
import { ProblemNote } from "../app/ProblemNote";
import { count, rows } from "../format/number";
import { text } from "../text";

const t = text.rows.replay;

type Body = Schemas["ReplayBody"];
type How = NonNullable<Body["how"]>;

interface Props {
  name: string;
  selection: Omit<Body, "how">;
  onClose: () => void;
}

/** Replay shows first what sending failed rows again would do, then sends them. */
export function Replay({ name, selection, onClose }: Props): ReactNode {
  const [how, setHow] = useState<How>("mapped");
  const [sent, setSent] = useState<string>();
  const definition = useQuery(importQuery(name)).data;
  const body: Body = { ...selection, ...(how === "mapped" ? {} : { how }) };
  const params = { path: { import: name } };
  const plan = useQuery({ queryKey: ["replay plan", name, body], queryFn: () => take(client.POST("/v1/imports/{import}/replays/plan", { params, body })), staleTime: 0, gcTime: 0, retry: false });
  const send = useAction(async (agreed, key) => {
    const run = await take(client.POST("/v1/imports/{import}/replays", { params: { ...params, query: agreed, header: { "Idempotency-Key": key } }, body }));
    setSent(run.run);
  });
  const event = definition?.spec.destination.type === "event";
  const hows: How[] = event ? ["mapped", "asSent", "declined"] : ["mapped", "declined"];
  const taken = plan.data?.rejects ?? 0;
  return (
    <section className="stage" aria-label={t.title}>
      <Stack gap="xs">
        <Title order={2} size="h5">{t.title}</Title>
        {sent !== undefined ? (
          <Text role="status">{t.started} <Anchor inherit renderRoot={(props) => <Link {...props} to="/runs/$run" params={{ run: sent }} />}>{sent}</Anchor></Text>
        ) : (
          <>
            <Select label={t.how} maw={420} allowDeselect={false} value={how} data={hows.map((value) => ({ value, label: t.hows[value] ?? value }))} onChange={(v) => setHow(v as How)} />
            {plan.data === undefined && plan.error === null && <Text role="status">{t.planning}</Text>}
            <ProblemNote error={plan.error ?? send.error} />
            {plan.data !== undefined && <Plan plan={plan.data} sends={how !== "declined"} />}
            {taken > 0 && <Group><Press variant={how === "mapped" && plan.data?.wouldMap === 0 ? "default" : "filled"} busy={send.pending} onClick={send.start}>{how === "declined" ? t.decline(rows(taken)) : t.send(rows(taken), definition?.spec.destination.accountRef ?? "")}</Press></Group>}
          </>
        )}
        <Group><Button size="compact-sm" variant="default" onClick={onClose}>{sent === undefined ? t.cancel : text.close}</Button></Group>
      </Stack>
      {send.dialog}
    </section>
  );
}

function Plan({ plan: p, sends }: { plan: Schemas["ReplayPlan"]; sends: boolean }): ReactNode {
  const c = t.columns;
  const notes = [
    (p.ambiguous ?? 0) > 0 && t.ambiguous(count(p.ambiguous ?? 0)),
    (p.unknown ?? 0) > 0 && t.unknown(count(p.unknown ?? 0)),
    (p.replayed ?? 0) > 0 && t.replayed(count(p.replayed ?? 0)),
    !p.complete && t.incomplete,
    ...(p.notes ?? []),
  ].filter((n): n is string => typeof n === "string");
  return (
    <>
      <Text fw={600} role="status">{p.rejects === 0 ? t.nothing : t.plan(rows(p.rejects), count(p.wouldMap))} {p.rejects > 0 && sends && t.costs(t.calls(p.calls), t.queries(p.queries))}</Text>
      {notes.length > 0 && <List size="sm">{notes.map((n) => <List.Item key={n}>{n}</List.Item>)}</List>}
      {p.groups.length > 0 && (
        <div className="scroll" tabIndex={0} role="region" aria-label={t.title}><table className="table narrow">
          <thead><tr><th scope="col">{c.code}</th><th scope="col" className="numbers">{c.rejects}</th><th scope="col" className="numbers">{c.maps}</th></tr></thead>
          <tbody>{p.groups.map((g) => <tr key={g.code}><th scope="row">{g.code}</th><td className="numbers">{count(g.rejects)}</td><td className="numbers">{count(g.wouldMap)}</td></tr>)}</tbody>
        </table></div>
      )}
    </>
  );
}
