import { Anchor, Checkbox, Group, List, Radio, Stack, Text, TextInput, Title } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useState } from "react";

import { useAction } from "../action/useAction";
import { client, take } from "../api/client";
import type { Schemas } from "../api/client";
import { Press } from "../app/Press";
import { ProblemNote } from "../app/ProblemNote";
import { hold } from "../edit/requests";
import { text } from "../text";

const t = text.actions.remove;

/** Remove deletes an import: whether its topics stay is chosen, and its name typed. */
export function Remove({ name, onDeleted }: { name: string; onDeleted: (what: Schemas["Deleted"]) => void }): ReactNode {
  const [topics, setTopics] = useState<"keep" | "remove">();
  const [cancelActive, setCancelActive] = useState(false);
  const [typed, setTyped] = useState("");
  const remove = useAction(async () => {
    const { etag } = await hold(name);
    const query = { topics: topics ?? "keep", ...(cancelActive ? { cancelActive } : {}) };
    onDeleted(await take(client.DELETE("/v1/imports/{import}", { params: { path: { import: name }, query, header: { "If-Match": etag } } })));
  });
  return (
    <>
      <Radio.Group label={t.topics} value={topics ?? ""} onChange={(v) => setTopics(v as "keep" | "remove")}>
        <Stack gap="xs" mt="xs"><Radio value="keep" label={t.keep} /><Radio value="remove" label={t.removeTopics} /></Stack>
      </Radio.Group>
      <Checkbox label={t.cancel} checked={cancelActive} onChange={(e) => setCancelActive(e.currentTarget.checked)} />
      <TextInput label={t.type(name)} autoComplete="off" value={typed} onChange={(e) => setTyped(e.currentTarget.value)} />
      <Group><Press color="red" disabled={topics === undefined || typed !== name} busy={remove.pending} onClick={remove.start}>{t.go[topics ?? "keep"](name)}</Press></Group>
      <ProblemNote error={remove.error} />
      {remove.dialog}
    </>
  );
}

/** Deleted says what became of a deleted import. */
export function Deleted({ what: d }: { what: Schemas["Deleted"] }): ReactNode {
  return (
    <Stack>
      <Title order={1} size="h3">{t.done(d.import)}</Title>
      <List role="status">
        {d.cancelled !== undefined && d.cancelled !== "" && <List.Item>{t.cancelled(d.cancelled)}</List.Item>}
        {d.removed.length > 0 && <List.Item>{t.removed(d.removed.join(", "))}</List.Item>}
        {d.kept.map((k) => <List.Item key={k}>{k}</List.Item>)}
      </List>
      <Text><Anchor renderRoot={(props) => <Link {...props} to="/" search={{}} />}>{t.back}</Anchor></Text>
    </Stack>
  );
}
