import { Group, Select, Stack, Text, Textarea, Title } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { ReactNode } from "react";

import { useAction } from "../action/useAction";
import { client, take } from "../api/client";
import { accountsQuery } from "../api/queries";
import { Commands } from "../app/Commands";
import { Instant } from "../app/Instant";
import { Press } from "../app/Press";
import { ProblemNote, Unavailable } from "../app/ProblemNote";
import { Waiting } from "../app/Waiting";
import { useNow } from "../app/useNow";
import { text } from "../text";
import { AdminNav } from "./AdminNav";

const t = text.admin.suppression;

/** SuppressionScreen adds people to the list of those who are not sent, takes them off, and checks. */
export function SuppressionScreen(): ReactNode {
  const accounts = useQuery(accountsQuery);
  const [chosen, setChosen] = useState<string>();
  if (accounts.data === undefined) return accounts.error === null ? <Waiting /> : <Unavailable title={t.title} error={accounts.error} />;
  const names = accounts.data.map((a) => a.metadata.name);
  const account = chosen ?? names[0];
  return (
    <Stack>
      <AdminNav />
      <Title order={1} size="h3">{t.title}</Title>
      <Text className="sentence">{t.what}</Text>
      {account === undefined ? <Text>{text.admin.none}</Text> : (
        <>
          <Select label={t.account} maw={320} allowDeselect={false} data={names} value={account} onChange={(v) => setChosen(v ?? undefined)} />
          <OfAccount key={account} account={account} />
        </>
      )}
    </Stack>
  );
}

function OfAccount({ account }: { account: string }): ReactNode {
  const now = useNow();
  const [typed, setTyped] = useState("");
  const [done, setDone] = useState("");
  const path = { name: account };
  const identities = typed.split("\n").map((l) => l.trim()).filter((l) => l !== "");
  const body = { identities };
  const counts = useQuery({ queryKey: ["suppressions", account], queryFn: () => take(client.GET("/v1/accounts/{name}/suppressions", { params: { path } })) });
  const add = useAction(async (_, key) => {
    const a = await take(client.POST("/v1/accounts/{name}/suppressions/add", { params: { path, header: { "Idempotency-Key": key } }, body }));
    setDone(t.added(a.added, a.already));
  });
  const remove = useAction(async (_, key) => {
    const r = await take(client.POST("/v1/accounts/{name}/suppressions/remove", { params: { path, header: { "Idempotency-Key": key } }, body }));
    setDone(t.removed(r.removed, r.absent));
  });
  const check = useMutation({
    mutationFn: async (of: string[]) => {
      const { items } = await take(client.POST("/v1/accounts/{name}/suppressions/check", { params: { path }, body: { identities: of } }));
      return items.map((s, n) => ({ ...s, identity: of[n] }));
    },
    onMutate: () => setDone(""),
  });
  const empty = identities.length === 0;
  return (
    <>
      {counts.data !== undefined && <Text>{t.entries(counts.data.entries)}</Text>}
      <div className="form">
        <Textarea label={t.identities} description={t.identitiesHelp} autosize minRows={4} maxRows={12} autoComplete="off" spellCheck={false} value={typed} onChange={(e) => setTyped(e.currentTarget.value)} />
        <Group>
          <Press disabled={empty} busy={add.pending} onClick={add.start}>{t.add(identities.length, account)}</Press>
          <Press variant="default" disabled={empty} busy={check.isPending} onClick={() => check.mutate(identities)}>{t.check}</Press>
          <Press variant="default" disabled={empty} busy={remove.pending} onClick={remove.start}>{t.remove}</Press>
        </Group>
      </div>
      <ProblemNote error={counts.error ?? add.error ?? remove.error ?? check.error} />
      {done !== "" && <Text role="status">{done}</Text>}
      {check.data !== undefined && done === "" && (
        <table className="table narrow">
          <thead><tr><th scope="col">{t.columns.identity}</th><th scope="col">{t.columns.since}</th></tr></thead>
          <tbody>{check.data.map((s, n) => <tr key={n}><th scope="row"><bdi>{s.identity}</bdi></th><td><Instant at={s.since} now={now} none={t.not} /></td></tr>)}</tbody>
        </table>
      )}
      <Commands lines={[`tapline suppress add --account ${account} < people.txt`, `tapline suppress list --account ${account}`]} />
    </>
  );
}
