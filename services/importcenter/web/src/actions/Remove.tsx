import { Anchor, Checkbox, Group, List, Radio, Stack, Text, TextInput, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useState } from "react";

import { useAction } from "../action/useAction";
import { client, take } from "../api/client";
import type { Schemas } from "../api/client";
import { Toned } from "../app/Badge";
import { Press } from "../app/Press";
import { ProblemNote } from "../app/ProblemNote";
import { hold } from "../edit/requests";
import { text } from "../text";

const t = text.actions.remove;

/** Remove deletes an import: whether its topics stay is chosen, what that does is shown, and its name typed. */
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
      {topics === undefined ? <Text size="sm">{t.chooseFirst}</Text> : <Effect name={name} topics={topics} cancelActive={cancelActive} />}
      <TextInput label={t.type(name)} autoComplete="off" value={typed} onChange={(e) => setTyped(e.currentTarget.value)} />
      <Group><Press color="red" disabled={topics === undefined || typed !== name} busy={remove.pending} onClick={remove.start}>{t.go[topics ?? "keep"](name)}</Press></Group>
      <ProblemNote error={remove.error} />
      {remove.dialog}
    </>
  );
}

/** Effect says what a deletion would do. */
function Effect({ name, topics, cancelActive }: { name: string; topics: "keep" | "remove"; cancelActive: boolean }): ReactNode {
  const plan = useQuery({
    queryKey: ["deletion", name, topics, cancelActive],
    queryFn: () => take(client.GET("/v1/imports/{import}/deletion", { params: { path: { import: name }, query: { topics, cancelActive } } })),
    placeholderData: (before) => before,
  });
  if (plan.data === undefined) return <ProblemNote error={plan.error} />;
  const { refused, approval, cancels, removed, lost, kept } = plan.data;
  return (
    <section aria-label={t.effect}>
      <Title order={3} size="h6">{t.effect}</Title>
      <List size="sm">
        {refused !== undefined && <List.Item><Toned tone="bad">{refused}</Toned></List.Item>}
        {approval === true && <List.Item>{t.approval}</List.Item>}
        {cancels !== undefined && <List.Item>{t.cancels(cancels)}</List.Item>}
        {removed.length > 0 && <List.Item>{t.removes(removed.join(", "))}</List.Item>}
        {[...lost, ...kept].map((s) => <List.Item key={s}>{s}</List.Item>)}
      </List>
    </section>
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
