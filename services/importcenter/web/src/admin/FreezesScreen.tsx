import { Group, Select, Stack, Text, TextInput, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
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
import { freezesQuery } from "./queries";

const t = text.admin.freezes;

/** FreezesScreen shows what is not sent and why, freezes an account and lifts a freeze. */
export function FreezesScreen(): ReactNode {
  const now = useNow();
  const list = useQuery(freezesQuery);
  const accounts = useQuery(accountsQuery);
  const [account, setAccount] = useState("");
  const [reason, setReason] = useState("");
  const freeze = useAction(() => take(client.POST("/v1/freezes", { body: { account, ...(reason === "" ? {} : { reason }) } })));
  if (list.data === undefined) return list.error === null ? <Waiting /> : <Unavailable title={t.title} error={list.error} />;
  const c = t.columns;
  return (
    <Stack>
      <AdminNav />
      <Title order={1} size="h3">{t.title}</Title>
      <Text>{t.what}</Text>
      {list.data.length === 0 ? <Text>{text.admin.none}</Text> : (
        <div className="scroll" tabIndex={0} role="region" aria-label={t.title}>
          <table className="table">
            <thead><tr><th scope="col">{c.what}</th><th scope="col">{c.imports}</th><th scope="col">{c.by}</th><th scope="col">{c.since}</th><th scope="col">{c.reason}</th><th scope="col" aria-label={t.unfreeze} /></tr></thead>
            <tbody>
              {list.data.map((f) => (
                <tr key={f.name}>
                  <th scope="row">{f.account ?? t.anyAccount}</th><td className="wraps">{f.imports.join(", ")}</td><td>{f.by}</td><td><Instant at={f.since} now={now} /></td><td className="wraps">{f.reason}</td>
                  <td><Unfreeze name={f.name} /></td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <div className="form">
        <Select label={t.account} data={(accounts.data ?? []).map((a) => a.metadata.name)} value={account === "" ? null : account} onChange={(v) => setAccount(v ?? "")} />
        <TextInput label={t.reason} description={t.reasonHelp} value={reason} onChange={(e) => setReason(e.currentTarget.value)} />
        <Group><Press color="red" disabled={account === ""} busy={freeze.pending} onClick={freeze.start}>{t.freeze(account === "" ? "…" : account)}</Press></Group>
        <ProblemNote error={freeze.error} />
        {freeze.dialog}
      </div>
      <Commands lines={["tapline get freezes", `tapline freeze --account ${account || "NAME"}`]} api={["GET /v1/freezes"]} />
    </Stack>
  );
}

function Unfreeze({ name }: { name: string }): ReactNode {
  const lift = useAction(() => take(client.DELETE("/v1/freezes/{name}", { params: { path: { name } } })));
  return <><Press size="compact-sm" variant="default" busy={lift.pending} onClick={lift.start} aria-label={t.unfreezeName(name)}>{t.unfreeze}</Press><ProblemNote error={lift.error} /></>;
}
