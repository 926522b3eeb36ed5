import { Checkbox, Group, Select, Stack, Text, TextInput, Title } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useParams } from "@tanstack/react-router";
import { useState } from "react";
import type { ReactNode } from "react";

import { useAction } from "../action/useAction";
import { AdminNav } from "../admin/AdminNav";
import { ApiError, client, take } from "../api/client";
import { Commands } from "../app/Commands";
import { Press } from "../app/Press";
import { ProblemNote, Unavailable } from "../app/ProblemNote";
import { Waiting } from "../app/Waiting";
import { text } from "../text";
import { KeyPairPanel } from "./KeyPairPanel";
import { documentOf, fieldsOf, rotated, seldom, withField } from "./fields";
import type { Field, Kind, Spec } from "./fields";

const t = text.admin.resource;

interface Held {
  spec: Spec;
  etag: string;
  managed: string;
}

async function read(kind: Kind, name: string): Promise<Held> {
  const params = { params: { path: { name } } };
  let etag = "";
  const note = <T extends { response: Response }>(a: T): T => {
    etag = a.response.headers.get("ETag") ?? "";
    return a;
  };
  const resource = await take(kind === "connection" ? client.GET("/v1/connections/{name}", params).then(note) : client.GET("/v1/accounts/{name}", params).then(note));
  return { spec: resource.spec as Spec, etag, managed: resource.managedBy?.source ?? "" };
}

async function write(kind: Kind, name: string, spec: Spec, etag: string): Promise<void> {
  const header = etag === "" ? { "If-None-Match": "*" } : { "If-Match": etag };
  const request = { params: { path: { name }, header }, body: documentOf(kind, name, spec) };
  await (kind === "connection" ? take(client.PUT("/v1/connections/{name}", request)) : take(client.PUT("/v1/accounts/{name}", request)));
}

export function ConnectionScreen(): ReactNode {
  const { name } = useParams({ strict: false });
  return <Existing kind="connection" name={name ?? ""} />;
}

export function AccountScreen(): ReactNode {
  const { name } = useParams({ strict: false });
  return <Existing kind="account" name={name ?? ""} />;
}

export function NewConnectionScreen(): ReactNode {
  return <Form kind="connection" name="" held={{ spec: {}, etag: "", managed: "" }} />;
}

export function NewAccountScreen(): ReactNode {
  return <Form kind="account" name="" held={{ spec: {}, etag: "", managed: "" }} />;
}

function Existing({ kind, name }: { kind: Kind; name: string }): ReactNode {
  const held = useQuery({ queryKey: ["resource", kind, name], queryFn: () => read(kind, name), refetchOnWindowFocus: false });
  if (held.data === undefined) return held.error === null ? <Waiting /> : <Unavailable title={name} error={held.error} />;
  return <Form key={held.data.etag} kind={kind} name={name} held={held.data} />;
}

/** Form changes a connection or an account. It is applied over the version that it was opened with. */
function Form({ kind, name, held }: { kind: Kind; name: string; held: Held }): ReactNode {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [typed, setTyped] = useState("");
  const [spec, setSpec] = useState(held.spec);
  const called = name === "" ? typed : name;
  const apply = useAction(async () => {
    await write(kind, called, spec, held.etag);
    await queries.invalidateQueries();
    await navigate({ to: kind === "connection" ? "/connections" : "/accounts" });
  });
  const fields = fieldsOf(kind);
  const problems = apply.error instanceof ApiError ? (apply.error.problem.errors ?? []) : [];
  const show = (f: Field) => (
    <Input key={f.name} field={f} value={spec[f.name]} problem={problems.find((p) => (p.location ?? "").endsWith(`spec.${f.name}`))?.message} onChange={(v) => setSpec(withField(spec, f.name, v))} />
  );
  return (
    <Stack>
      <AdminNav />
      <Title order={1} size="h3">{name === "" ? t.made[kind] : name}</Title>
      {held.managed !== "" && <Text>{text.edit.managed(held.managed)}</Text>}
      <div className="form">
        {name === "" && <TextInput label={t.name} description={t.nameHelp} value={typed} onChange={(e) => setTyped(e.currentTarget.value)} />}
        {fields.filter((f) => !seldom.has(f.name)).map(show)}
        <details><summary>{t.seldom}</summary><Stack mt="sm">{fields.filter((f) => seldom.has(f.name)).map(show)}</Stack></details>
      </div>
      {kind === "connection" && (
        <KeyPairPanel name={called} user={textOf(spec["user"])} rotates={textOf(spec["privateKey"]) !== ""} onReference={(reference) => setSpec(textOf(spec["privateKey"]) === "" ? withField(withField(spec, "privateKey", reference), "password", "") : rotated(spec, reference))} />
      )}
      <Group><Press busy={apply.pending} disabled={called === "" || held.managed !== "" || JSON.stringify(spec) === JSON.stringify(held.spec)} onClick={apply.start}>{t.apply}</Press><Text size="sm">{t.applyHelp}</Text></Group>
      <ProblemNote error={apply.error} />
      {apply.dialog}
      <Commands lines={[`tapline get ${kind}s`, "tapline apply -f FILE"]} />
    </Stack>
  );
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

interface InputProps {
  field: Field;
  value: unknown;
  problem: string | undefined;
  onChange: (value: unknown) => void;
}

function Input({ field: f, value, problem, onChange }: InputProps): ReactNode {
  const label = t.fields[f.name] ?? f.name;
  if (f.type === "choice") return <Select label={label} clearable={!f.required} data={f.choices} value={textOf(value) || null} error={problem} onChange={(v) => onChange(v ?? "")} clearButtonProps={{ "aria-label": text.imports.clear }} />;
  if (f.type === "boolean") return <Checkbox label={label} checked={value === true} onChange={(e) => onChange(e.currentTarget.checked ? true : undefined)} />;
  return (
    <TextInput label={label} description={f.secret ? t.secret : undefined} error={problem} inputMode={f.type === "number" ? "numeric" : "text"} autoComplete="off"
      value={value === undefined || value === null ? "" : String(value)} onChange={(e) => onChange(f.type === "number" && /^\d+$/.test(e.currentTarget.value) ? Number(e.currentTarget.value) : e.currentTarget.value)} />
  );
}
