import { Group, Select, Stack, Text, TextInput, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { ReactNode } from "react";

import { useAction } from "../action/useAction";
import { client, take } from "../api/client";
import type { Schemas } from "../api/client";
import { Commands } from "../app/Commands";
import { Instant } from "../app/Instant";
import { Press } from "../app/Press";
import { ProblemNote, Unavailable } from "../app/ProblemNote";
import { Waiting } from "../app/Waiting";
import { roles, useRoleName } from "../app/role";
import type { Role } from "../app/role";
import { useNow } from "../app/useNow";
import { text } from "../text";
import { AdminNav } from "./AdminNav";
import { keysQuery } from "./queries";


const t = text.admin.keys;
const day = 86_400_000;

/** KeysScreen shows who may do what, makes keys, which are shown once, and revokes them. */
export function KeysScreen(): ReactNode {
  const now = useNow();
  const list = useQuery(keysQuery);
  if (list.data === undefined) return list.error === null ? <Waiting /> : <Unavailable title={t.title} error={list.error} />;
  const c = t.columns;
  return (
    <Stack>
      <AdminNav />
      <Title order={1} size="h3">{t.title}</Title>
      {list.data.length === 0 ? <Text>{text.admin.none}</Text> : (
        <div className="scroll" tabIndex={0} role="region" aria-label={t.title}>
          <table className="table">
            <thead><tr><th scope="col">{c.name}</th><th scope="col">{c.role}</th><th scope="col">{c.imports}</th><th scope="col">{c.used}</th><th scope="col">{c.expires}</th><th scope="col">{c.made}</th><th scope="col" aria-label={t.revoke} /></tr></thead>
            <tbody>
              {list.data.map((k) => (
                <tr key={k.name}>
                  <th scope="row">{k.name}</th><td>{k.roleName ?? k.role}</td><td className="wraps">{scope(k.selector)}</td><td><Instant at={k.lastUsedAt} now={now} none={t.never} /></td>
                  <td>{k.expired ? t.expired : <Instant at={k.expiresAt} now={now} none={t.never} />}</td><td><Instant at={k.createdAt} now={now} /> {k.createdBy}</td>
                  <td><Revoke name={k.name} /></td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <Create />
      <Commands lines={["tapline keys list", "tapline keys create NAME --role viewer", "tapline keys revoke NAME"]} api={["GET /v1/keys"]} />
    </Stack>
  );
}

function scope(s: Schemas["Selector"] | undefined): string {
  if (s === undefined) return t.all;
  return [...(s.names ?? []), ...Object.entries(s.labels ?? {}).map(([k, v]) => `${k}=${v}`)].join(", ");
}

function Create(): ReactNode {
  const [name, setName] = useState("");
  const roleName = useRoleName();
  const [role, setRole] = useState<Role>("viewer");
  const [days, setDays] = useState("");
  const [made, setMade] = useState<{ name: string; key: string }>();
  const create = useAction(async () => {
    const ends = Number(days) > 0 ? { expiresAt: new Date(Date.now() + Number(days) * day).toISOString() } : {};
    setMade(await take(client.POST("/v1/keys", { body: { name, role, ...ends } })));
    setName("");
  });
  return (
    <div className="form">
      <TextInput label={t.name} description={t.nameHelp} value={name} onChange={(e) => setName(e.currentTarget.value)} />
      <Select label={t.role} data={roles.map((r) => ({ value: r, label: roleName(r) }))} value={role} allowDeselect={false} onChange={(v) => setRole(v as Role)} />
      <TextInput label={t.days} description={t.daysHelp} inputMode="numeric" value={days} onChange={(e) => setDays(e.currentTarget.value.replace(/\D/g, ""))} />
      <Group><Press disabled={name === ""} busy={create.pending} onClick={create.start}>{t.create}</Press></Group>
      <ProblemNote error={create.error} />
      {create.dialog}
      {made !== undefined && <div role="status"><Text>{made.name}: {t.made}</Text><pre className="code">{made.key}</pre></div>}
    </div>
  );
}

function Revoke({ name }: { name: string }): ReactNode {
  const revoke = useAction(() => take(client.DELETE("/v1/keys/{name}", { params: { path: { name } } })));
  return <><Press size="compact-sm" variant="default" busy={revoke.pending} onClick={revoke.start} aria-label={t.revokeName(name)}>{t.revoke}</Press><ProblemNote error={revoke.error} /></>;
}
