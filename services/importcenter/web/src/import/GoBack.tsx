import { Group, Stack, Title } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import type { ReactNode } from "react";

import { useAction } from "../action/useAction";
import { client, take } from "../api/client";
import type { Definition, Schemas } from "../api/client";
import { Press } from "../app/Press";
import { ProblemNote } from "../app/ProblemNote";
import { useMay } from "../app/role";
import { Consequences } from "../plan/Consequences";
import { text } from "../text";

const t = text.import.history;

/** GoBack applies an earlier generation anew: first it shows what that changes and causes, then it does exactly that. */
export function GoBack({ name, generation, to }: { name: string; generation: number; to: Definition }): ReactNode {
  const may = useMay("editor");
  const navigate = useNavigate();
  const documents = [{ apiVersion: to.apiVersion, kind: to.kind, metadata: to.metadata, spec: to.spec }];
  const plan = useMutation({ mutationFn: () => take(client.POST("/v1/plan", { body: { documents } })) });
  const apply = useAction(async (_, key) => {
    await take(client.POST("/v1/apply", { params: { header: { "Idempotency-Key": key } }, body: { documents, plan: plan.data?.plan ?? "" } }));
    await navigate({ to: "/imports/$import/definition", params: { import: name }, search: {} });
  });
  if (!may) return null;
  return (
    <Stack gap="xs" component="section" aria-label={t.goBack(generation)}>
      <Group><Press variant="default" busy={plan.isPending} onClick={() => plan.mutate()}>{t.goBack(generation)}</Press></Group>
      {plan.data !== undefined && (
        <>
          <Consequences planned={ofImport(plan.data, name)} changed />
          <Title order={3} size="h6">{t.goBackWhat}</Title>
          <Group><Press disabled={plan.data.refused === true} busy={apply.pending} onClick={apply.start}>{t.goBackNow(generation)}</Press></Group>
        </>
      )}
      <ProblemNote error={plan.error ?? apply.error} />
      {apply.dialog}
    </Stack>
  );
}

/** ofImport leaves out what a plan says of other imports, which going back does not touch. */
function ofImport(plan: Schemas["Plan"], name: string): Schemas["Plan"] {
  return { ...plan, warnings: plan.warnings.filter((w) => w.imports[0] === name || (w.code !== "event_without_after" && w.imports.includes(name))) };
}
