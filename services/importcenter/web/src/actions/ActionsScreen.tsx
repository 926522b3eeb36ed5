import { Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useState } from "react";

import type { Schemas } from "../api/client";
import { importQuery } from "../api/queries";
import { Commands } from "../app/Commands";
import { Unavailable } from "../app/ProblemNote";
import { Waiting } from "../app/Waiting";
import { useMay } from "../app/role";
import { ImportNav } from "../import/ImportNav";
import { text } from "../text";
import { Backfill, Reset, Resend } from "./Again";
import { Reconcile, Verify } from "./Compare";
import { Clone } from "./Clone";
import { Deleted, Remove } from "./Remove";

const route = getRouteApi("/imports/$import/actions");
const t = text.actions;

/** ActionsScreen is what is done to an import seldom: each says what it does before it does it. */
export function ActionsScreen(): ReactNode {
  const { import: name } = route.useParams();
  const definition = useQuery(importQuery(name));
  const [deleted, setDeleted] = useState<Schemas["Deleted"]>();
  const mayAct = useMay("operator");
  const mayLook = useMay("analyst");
  const mayChange = useMay("editor");
  if (deleted !== undefined) return <Deleted what={deleted} />;
  if (definition.data === undefined) return definition.error === null ? <Waiting /> : <Unavailable title={t.title} error={definition.error} />;
  const { spec } = definition.data;
  const draft = spec.draft === true;
  return (
    <Stack>
      <Title order={1} size="h3">{t.title}</Title>
      <ImportNav name={name} />
      {!mayAct && <Text>{text.rows.notYours}</Text>}
      <div className="actions">
        {mayLook && <Part title={t.verify.title} what={t.verify.what}><Verify name={name} /></Part>}
        {mayAct && !draft && spec.source.cursor !== undefined && <Part title={t.backfill.title} what={t.backfill.what}><Backfill name={name} /></Part>}
        {mayAct && !draft && <Part title={t.resend.title} what={t.resend.what}><Resend name={name} /></Part>}
        {mayAct && !draft && <Part title={t.reconcile.title} what={t.reconcile.what}><Reconcile name={name} /></Part>}
        {mayAct && !draft && <Part title={t.reset.title} what={t.reset.what}><Reset name={name} /></Part>}
        {mayChange && <Part title={t.clone.title} what={t.clone.what}><Clone name={name} /></Part>}
        {mayChange && <Part title={t.remove.title} what={t.remove.what}><Remove name={name} onDeleted={setDeleted} /></Part>}
      </div>
      <Commands lines={[`tapline verify ${name}`, `tapline backfill ${name} --from INSTANT --to INSTANT`, `tapline resend ${name} --runs 40..42`, `tapline reconcile ${name}`, `tapline reset ${name}`, `tapline clone ${name} NEW`, `tapline delete import ${name} --topics keep`]} api={[`GET /v1/imports/${name}/deletion`]} />
    </Stack>
  );
}

function Part({ title, what, children }: { title: string; what: string; children: ReactNode }): ReactNode {
  return (
    <section className="stage" aria-label={title}>
      <Stack gap="sm">
        <Title order={2} size="h5">{title}</Title>
        <Text size="sm">{what}</Text>
        {children}
      </Stack>
    </section>
  );
}
