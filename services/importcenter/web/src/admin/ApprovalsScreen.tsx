import { Button, Group, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { ReactNode } from "react";

import { useAction } from "../action/useAction";
import { client, take } from "../api/client";
import type { Schemas } from "../api/client";
import { callerQuery } from "../api/queries";
import { Commands } from "../app/Commands";
import { Instant } from "../app/Instant";
import { Json } from "../app/Json";
import { Press } from "../app/Press";
import { ProblemNote, Unavailable } from "../app/ProblemNote";
import { Waiting } from "../app/Waiting";
import { useRoleName } from "../app/role";
import { useNow } from "../app/useNow";
import { text } from "../text";
import { AdminNav } from "./AdminNav";

const t = text.admin.approvals;

/** ApprovalsScreen lists changes that wait for a second person. */
export function ApprovalsScreen(): ReactNode {
  const list = useQuery({ queryKey: ["approvals"], queryFn: async () => (await take(client.GET("/v1/approvals"))).items, refetchInterval: 5000 });
  if (list.data === undefined) return list.error === null ? <Waiting /> : <Unavailable title={t.title} error={list.error} />;
  return (
    <Stack>
      <AdminNav />
      <Title order={1} size="h3">{t.title}</Title>
      {list.data.length === 0 ? <Text className="sentence">{t.none}</Text> : list.data.map((a) => <Waits key={a.name} approval={a} />)}
      <Commands lines={["tapline approvals list", "tapline approvals show NAME", "tapline approvals approve NAME"]} api={["GET /v1/approvals", "POST /v1/approvals/NAME/approve"]} />
    </Stack>
  );
}

function Waits({ approval: a }: { approval: Schemas["Approval"] }): ReactNode {
  const now = useNow();
  const roleName = useRoleName();
  const caller = useQuery(callerQuery).data;
  const [shown, setShown] = useState(false);
  const path = { name: a.name };
  const whole = useQuery({ queryKey: ["approval", a.name], queryFn: () => take(client.GET("/v1/approvals/{name}", { params: { path } })), enabled: shown });
  const approve = useAction((_, key) => take(client.POST("/v1/approvals/{name}/approve", { params: { path, header: { "Idempotency-Key": key } } })));
  const decline = useAction((_, key) => take(client.POST("/v1/approvals/{name}/decline", { params: { path, header: { "Idempotency-Key": key } } })));
  return (
    <section className="stage" aria-label={a.name}>
      <Stack gap="xs">
        <Text fw={600}>{a.action}: {a.imports.join(", ")} {a.run}</Text>
        <Text size="sm">{t.columns.by} {a.by}, {roleName(a.role)}, <Instant at={a.since} now={now} />. {t.columns.ends} <Instant at={a.expiresAt} now={now} />.</Text>
        {caller?.name === a.by && <Text size="sm">{t.own}</Text>}
        <Group>
          <Press busy={approve.pending} onClick={approve.start} aria-label={t.approveName(a.name)}>{t.approve}</Press>
          <Press variant="default" busy={decline.pending} onClick={decline.start} aria-label={t.declineName(a.name)}>{t.decline}</Press>
          <Button variant="subtle" onClick={() => setShown(!shown)} aria-expanded={shown}>{t.show}</Button>
        </Group>
        <ProblemNote error={approve.error ?? decline.error ?? whole.error} />
        {approve.dialog}{decline.dialog}
        {shown && whole.data?.changes?.map((c) => (
          <section key={`${c.kind} ${c.name}`}>
            <Text fw={600}>{c.kind} {c.name}: {c.outcome}</Text>
            <div className="sides">
              <section className="stage" aria-label={text.admin.audit.before}><Text size="sm" fw={600}>{text.admin.audit.before}</Text>{c.before !== undefined && <Json value={c.before} />}</section>
              <section className="stage" aria-label={text.admin.audit.after}><Text size="sm" fw={600}>{text.admin.audit.after}</Text>{c.after !== undefined && <Json value={c.after} />}</section>
            </div>
          </section>
        ))}
      </Stack>
    </section>
  );
}
