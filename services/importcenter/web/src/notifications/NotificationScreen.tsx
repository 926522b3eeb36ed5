import { Checkbox, Group, SegmentedControl, Select, Stack, Text, TextInput, Title } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useParams } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useState } from "react";

import { useAction } from "../action/useAction";
import { AdminNav } from "../admin/AdminNav";
import { ApiError, client, take } from "../api/client";
import { Commands } from "../app/Commands";
import { Press } from "../app/Press";
import { ProblemNote, Unavailable } from "../app/ProblemNote";
import { Waiting } from "../app/Waiting";
import { text } from "../text";
import { channels, conditions, fieldsOf, formOf, specOf } from "./form";
import type { Channel, Field, Form } from "./form";

const t = text.notifications;

interface Held {
  form: Form;
  etag: string;
  managed: string;
}

async function read(name: string): Promise<Held> {
  let etag = "";
  const resource = await take(client.GET("/v1/notifications/{name}", { params: { path: { name } } }).then((a) => {
    etag = a.response.headers.get("ETag") ?? "";
    return a;
  }));
  return { form: formOf(resource.spec), etag, managed: resource.managedBy?.source ?? "" };
}

export function NotificationScreen(): ReactNode {
  const { name } = useParams({ strict: false });
  const held = useQuery({ queryKey: ["notification", name], queryFn: () => read(name ?? ""), refetchOnWindowFocus: false });
  if (held.data === undefined) return held.error === null ? <Waiting /> : <Unavailable title={name ?? ""} error={held.error} />;
  return <Edit key={held.data.etag} name={name ?? ""} held={held.data} />;
}

export function NewNotificationScreen(): ReactNode {
  return <Edit name="" held={{ form: formOf({}), etag: "", managed: "" }} />;
}

/** Edit changes a notification; it is applied over the version that it was opened with. */
function Edit({ name, held }: { name: string; held: Held }): ReactNode {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [typed, setTyped] = useState("");
  const [form, setForm] = useState(held.form);
  const called = name === "" ? typed : name;
  const path = { name: called };
  const over = async () => {
    await queries.invalidateQueries();
    await navigate({ to: "/notifications" });
  };
  const apply = useAction(async () => {
    const header = held.etag === "" ? { "If-None-Match": "*" } : { "If-Match": held.etag };
    const body = { apiVersion: "tapline.dev/v1alpha1", kind: "Notification", metadata: { name: called }, spec: specOf(form) };
    await take(client.PUT("/v1/notifications/{name}", { params: { path, header }, body }));
    await over();
  });
  const remove = useAction(async () => {
    await take(client.DELETE("/v1/notifications/{name}", { params: { path, header: { "If-Match": held.etag } } }));
    await over();
  });
  const problems = apply.error instanceof ApiError ? (apply.error.problem.errors ?? []) : [];
  const problem = (field: string) => problems.find((p) => (p.location ?? "").endsWith(`spec.${field}`))?.message;
  const set = (more: Partial<Form>) => setForm({ ...form, ...more });
  const setValue = (field: string, value: string) => set({ values: { ...form.values, [field]: value } });
  const f = t.form;
  const line = (key: "names" | "owners" | "labels" | "severities", label: string, help?: string) => (
    <TextInput label={label} description={help} error={problem(`selector.${key}`)} value={form[key]} onChange={(e) => set({ [key]: e.currentTarget.value })} />
  );
  return (
    <Stack>
      <AdminNav />
      <Title order={1} size="h3">{name === "" ? t.made : name}</Title>
      {held.managed !== "" && <Text>{text.edit.managed(held.managed)}</Text>}
      <div className="form">
        {name === "" && <TextInput label={f.name} description={f.nameHelp} value={typed} onChange={(e) => setTyped(e.currentTarget.value)} />}
        <Checkbox.Group label={f.on} value={form.on} onChange={(on) => set({ on })}><Group mt="xs">{conditions.map((w) => <Checkbox key={w} value={w} label={t.conditions[w] ?? w} />)}</Group></Checkbox.Group>
        <SegmentedControl aria-label={f.channel} value={form.channel} data={channels.map((value) => ({ value, label: t.channels[value] ?? value }))} onChange={(v) => set({ channel: v as Channel })} />
        {fieldsOf(form.channel).map((field) => <Input key={field.path} field={field} value={form.values[field.path] ?? ""} problem={problem(field.path)} onChange={(v) => setValue(field.path, v)} />)}
        <Text fw={600}>{f.which}</Text>
        <Text size="sm">{f.whichHelp}</Text>
        {line("names", f.names, f.namesHelp)}{line("owners", f.owners)}{line("labels", f.labels, f.labelsHelp)}{line("severities", f.severities, f.severitiesHelp)}
        <details><summary>{f.more}</summary><Stack mt="sm">{["proxy", "caFile"].map((key) => <TextInput key={key} label={f.fields[key]} error={problem(key)} value={form.values[key] ?? ""} onChange={(e) => setValue(key, e.currentTarget.value)} />)}</Stack></details>
      </div>
      <Group>
        <Press busy={apply.pending} disabled={called === "" || held.managed !== ""} onClick={apply.start}>{f.apply}</Press>
        <Text size="sm">{f.applyHelp}</Text>
      </Group>
      {name !== "" && held.managed === "" && <Group><Press variant="default" busy={remove.pending} onClick={remove.start}>{t.removeSure(name)}</Press></Group>}
      <ProblemNote error={apply.error ?? remove.error} />
      {apply.dialog}{remove.dialog}
      <Commands lines={["tapline apply -f FILE", `tapline notify test ${called === "" ? "NAME" : called}`]} />
    </Stack>
  );
}

function Input({ field: f, value, problem, onChange }: { field: Field; value: string; problem: string | undefined; onChange: (value: string) => void }): ReactNode {
  const label = t.form.fields[f.path] ?? f.path;
  if (f.choices.length > 0) return <Select label={label} clearable={!f.required} data={f.choices} value={value === "" ? null : value} error={problem} onChange={(v) => onChange(v ?? "")} clearButtonProps={{ "aria-label": text.imports.clear }} />;
  return <TextInput label={label} description={f.secret ? t.form.secret : f.list ? t.form.toHelp : undefined} error={problem} autoComplete="off" value={value} onChange={(e) => onChange(e.currentTarget.value)} />;
}
