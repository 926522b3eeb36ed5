import { Group, Radio, Select, Stack, Text, TextInput, Title } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import type { FormEvent, ReactNode } from "react";

import { accountsQuery, connectionsQuery } from "../api/queries";
import { Commands } from "../app/Commands";
import { Press } from "../app/Press";
import { ProblemNote } from "../app/ProblemNote";
import { Waiting } from "../app/Waiting";
import { text } from "../text";
import { atFirst, production } from "./account";
import { begin, nameOf } from "./draft";
import { put } from "./requests";

const t = text.edit.new;

/** NewScreen begins an import: what has to be known before a draft can be kept. */
export function NewScreen(): ReactNode {
  const connections = useQuery(connectionsQuery);
  const accounts = useQuery(accountsQuery);
  const navigate = useNavigate();
  const [nickname, setNickname] = useState("");
  const [type, setType] = useState("profile");
  const [chosen, setChosen] = useState<{ connection?: string; account?: string }>({});
  const names = (list: { metadata: { name: string } }[]) => list.map((r) => r.metadata.name);
  const connection = chosen.connection ?? names(connections.data ?? [])[0] ?? "";
  const account = chosen.account ?? atFirst(accounts.data ?? []);
  const name = nameOf(nickname);
  const start = useMutation({
    mutationFn: () => put(begin(nickname, type, connection, account, Intl.DateTimeFormat().resolvedOptions().timeZone), { asDraft: true, etag: "" }),
    onSuccess: () => navigate({ to: "/imports/$import/edit/$step", params: { import: name, step: "source" } }),
  });
  const failed = connections.error ?? accounts.error;
  if (connections.data === undefined || accounts.data === undefined) return failed === null ? <Waiting /> : <ProblemNote error={failed} />;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    start.mutate();
  };
  return (
    <Stack>
      <Title order={1} size="h3">{t.title}</Title>
      {connections.data.length === 0 || accounts.data.length === 0 ? <><Text>{t.nothing}</Text><Commands lines={["tapline init", "tapline apply -f import.yaml"]} /></> : (
        <form onSubmit={submit}>
          <Stack className="form">
            <TextInput label={t.nickname} description={t.nicknameHelp} value={nickname} maxLength={255} data-autofocus onChange={(e) => setNickname(e.currentTarget.value)}
              error={nickname.trim() !== "" && name === "" ? t.noName : undefined} />
            {name !== "" && <Text size="sm">{t.name(name)}</Text>}
            <Radio.Group label={t.type} value={type} onChange={setType}>
              <Group mt={4}>{Object.entries(t.types).map(([value, label]) => <Radio key={value} value={value} label={label} />)}</Group>
            </Radio.Group>
            <Select label={t.connection} allowDeselect={false} data={names(connections.data)} value={connection} onChange={(v) => setChosen({ ...chosen, connection: v ?? "" })} />
            <Select label={t.account} allowDeselect={false} data={accounts.data.map((a) => ({ value: a.metadata.name, label: production(a) ? `${a.metadata.name}, ${text.edit.production.toLowerCase()}` : a.metadata.name }))} value={account} onChange={(v) => setChosen({ ...chosen, account: v ?? "" })} />
            <ProblemNote error={start.error} />
            <Group><Press type="submit" busy={start.isPending} disabled={name === ""}>{t.begin}</Press></Group>
          </Stack>
        </form>
      )}
    </Stack>
  );
}
