import { Button, Group, List, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import type { ReactNode } from "react";

import { useAction } from "../action/useAction";
import { ApiError } from "../api/client";
import { Commands } from "../app/Commands";
import { Press } from "../app/Press";
import { ProblemNote } from "../app/ProblemNote";
import { Waiting } from "../app/Waiting";
import { Consequences } from "../plan/Consequences";
import { text } from "../text";
import { Conflict } from "./Conflict";
import { documentOf } from "./draft";
import type { Draft } from "./draft";
import { overtaken, plan, put } from "./requests";
import type { StepProps } from "./step";

const t = text.edit.review;

/** ReviewStep shows the definition as it will be and what applying it does, and applies it. */
export function ReviewStep({ editor }: StepProps): ReactNode {
  const { draft } = editor;
  const navigate = useNavigate();
  const planned = useQuery({ queryKey: ["plan", draft], queryFn: () => plan(draft), staleTime: 0, gcTime: 0, retry: false });
  const yaml = useQuery({ queryKey: ["yaml", draft], queryFn: () => yamlOf(draft), gcTime: 0 });
  const apply = useAction(async () => {
    await put(draft, { asDraft: false, etag: editor.etag });
    editor.over();
    await navigate({ to: "/imports/$import", params: { import: draft.name } });
  });
  const lacks = planned.error instanceof ApiError ? (planned.error.problem.errors ?? []) : [];
  const settled = !editor.isDraft || editor.saving.state === "saved";
  return (
    <Stack>
      {planned.error !== null && (lacks.length > 0 ? (
        <div role="alert"><Text>{t.lacks}</Text><List size="sm">{lacks.map((e) => <List.Item key={`${e.location ?? ""} ${e.message}`}>{[(e.location ?? "").replace(/^documents\[0\]\./, ""), e.message].filter(Boolean).join(": ")}</List.Item>)}</List></div>
      ) : <ProblemNote error={planned.error} />)}
      {planned.data === undefined ? planned.error === null && <Waiting /> : <Consequences planned={planned.data} />}
      <Group>
        <Press onClick={apply.start} busy={apply.pending} disabled={planned.data === undefined || planned.data.refused === true || !settled}>{editor.isDraft ? t.applyDraft : t.apply}</Press>
        <Text size="sm">{t.run}</Text>
      </Group>
      {overtaken(apply.error) ? <Conflict editor={editor} /> : <ProblemNote error={apply.error} />}
      {apply.dialog}
      <Group><Title order={2} size="h5">{t.yaml}</Title>{yaml.data !== undefined && <Button size="compact-sm" variant="default" component="a" download={`${draft.name}.yaml`} href={`data:application/yaml;charset=utf-8,${encodeURIComponent(yaml.data)}`}>{t.download}</Button>}</Group>
      <pre className="code" tabIndex={0} aria-label={t.yaml}>{yaml.data}</pre>
      <Commands lines={[`tapline plan -f ${draft.name}.yaml`, `tapline apply -f ${draft.name}.yaml`]} />
    </Stack>
  );
}

async function yamlOf(draft: Draft): Promise<string> {
  const { stringify } = await import("yaml");
  return stringify(documentOf(draft, false), { lineWidth: 0 });
}
