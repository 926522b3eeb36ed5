import { Anchor, Button, Group, Stack, Text, Title } from "@mantine/core";
import { useHotkeys } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import type { ReactNode } from "react";

import { accountsQuery, connectionsQuery } from "../api/queries";
import { Toned } from "../app/Badge";
import { Unavailable } from "../app/ProblemNote";
import { Waiting } from "../app/Waiting";
import { text } from "../text";
import { Conflict } from "./Conflict";
import { fromDefinition, isStep, steps } from "./draft";
import type { Draft, Step } from "./draft";
import { DryRunStep } from "./DryRunStep";
import { IdentityStep } from "./IdentityStep";
import { PropertiesStep } from "./PropertiesStep";
import { hold } from "./requests";
import type { Held } from "./requests";
import { ReviewStep } from "./ReviewStep";
import { ScheduleStep } from "./ScheduleStep";
import { SourceStep } from "./SourceStep";
import type { StepProps } from "./step";
import { stored } from "./stored";
import { useEditor } from "./useEditor";
import type { Editor } from "./useEditor";
import { useSample } from "./useSample";

const route = getRouteApi("/imports/$import/edit/$step");
const t = text.edit;

/** EditScreen is where an import is made or changed, in six steps that can be visited in any order. */
export function EditScreen(): ReactNode {
  const { import: name } = route.useParams();
  const held = useQuery({ queryKey: ["edit", name], queryFn: () => hold(name), staleTime: Infinity, gcTime: 0, refetchOnWindowFocus: false });
  if (held.data === undefined) return held.error === null ? <Waiting /> : <Unavailable title={name} error={held.error} />;
  if (held.data.definition.managedBy !== undefined) {
    return <Stack><Title order={1} size="h3">{t.title(name)}</Title><Text>{t.managed(held.data.definition.managedBy.source)}</Text></Stack>;
  }
  return <Open key={name} held={held.data} />;
}

/** Open holds the definition while any of its steps is shown. What was typed and never saved comes first. */
function Open({ held }: { held: Held }): ReactNode {
  const { step } = route.useParams();
  const [typed] = useState(() => stored(held.definition.metadata.name));
  const [server] = useState(() => fromDefinition(held.definition));
  const isDraft = held.definition.spec.draft === true;
  const editor = useEditor(typed?.draft ?? server, typed?.etag ?? held.etag, isDraft, typed !== undefined);
  const view = useSample(editor.draft);
  const connections = useQuery(connectionsQuery);
  const accounts = useQuery(accountsQuery);
  useHotkeys([["mod+Z", editor.undo], ["mod+shift+Z", editor.redo]], []);
  const at: Step = isStep(step) ? step : "source";
  const props: StepProps = {
    editor, view,
    connections: (connections.data ?? []).map((c) => c.metadata.name),
    accounts: (accounts.data ?? []).map((a) => a.metadata.name),
  };
  const account = (accounts.data ?? []).find((a) => a.metadata.name === editor.draft.spec.destination.accountRef);
  const production = (account?.spec as { environment?: string } | undefined)?.environment === "production";
  return (
    <Stack>
      <Group gap="lg">
        <Title order={1} size="h3">{t.title(editor.draft.displayName === "" ? editor.draft.name : editor.draft.displayName)}</Title>
        <Anchor renderRoot={(p) => <Link {...p} to="/imports/$import" params={{ import: editor.draft.name }} />}>{editor.draft.name}</Anchor>
        {production && <Toned tone="warn"><b>{t.production}: {editor.draft.spec.destination.accountRef}</b></Toned>}
      </Group>
      <Group>
        <SavingLine editor={editor} recovered={typed !== undefined} server={server} held={held} />
        <Button size="compact-sm" variant="default" disabled={!editor.canUndo} onClick={editor.undo}>{t.undo}</Button>
        <Button size="compact-sm" variant="default" disabled={!editor.canRedo} onClick={editor.redo}>{t.redo}</Button>
      </Group>
      {editor.saving.state === "overtaken" && <Conflict editor={editor} />}
      <StepNav name={editor.draft.name} at={at} />
      <StepBody at={at} {...props} />
      <StepEnds name={editor.draft.name} at={at} />
    </Stack>
  );
}

function StepBody({ at, ...props }: StepProps & { at: Step }): ReactNode {
  switch (at) {
    case "source": return <SourceStep {...props} />;
    case "identity": return <IdentityStep {...props} />;
    case "properties": return <PropertiesStep {...props} />;
    case "dry-run": return <DryRunStep {...props} />;
    case "schedule": return <ScheduleStep {...props} />;
    case "review": return <ReviewStep {...props} />;
  }
}

function StepNav({ name, at }: { name: string; at: Step }): ReactNode {
  return (
    <nav aria-label={t.step(steps.indexOf(at) + 1, steps.length)} className="steps">
      {steps.map((s, n) => (
        <Anchor key={s} inherit fw={s === at ? 700 : 400} renderRoot={(p) => <Link {...p} to="/imports/$import/edit/$step" params={{ import: name, step: s }} aria-current={s === at ? "step" : undefined} />}>
          {n + 1}. {t.steps[s]}
        </Anchor>
      ))}
    </nav>
  );
}

function StepEnds({ name, at }: { name: string; at: Step }): ReactNode {
  const n = steps.indexOf(at);
  const before = steps[n - 1];
  const after = steps[n + 1];
  const button = (to: Step, label: string, variant: string) => (
    <Button variant={variant} renderRoot={(p) => <Link {...p} to="/imports/$import/edit/$step" params={{ import: name, step: to }} />}>{label}</Button>
  );
  return (
    <Group justify="space-between">
      {before === undefined ? <span /> : button(before, t.previous(t.steps[before] ?? ""), "default")}
      {after !== undefined && button(after, t.next(t.steps[after] ?? ""), "filled")}
    </Group>
  );
}

function SavingLine({ editor, recovered, server, held }: { editor: Editor; recovered: boolean; server: Draft; held: Held }): ReactNode {
  const { state, error } = editor.saving;
  const s = t.saving;
  const words = state === "overtaken" ? s.overtaken("")
    : editor.isDraft ? { saved: s.draftSaved, saving: s.saving, typed: s.typed, failed: s.failed }[state]
    : editor.changed ? s.editTyped : s.editClean;
  return (
    <Group gap="xs">
      <Text size="sm" role="status">{words} {state === "failed" && error instanceof Error && error.message}{recovered && !editor.canUndo && ` ${s.recovered}`}</Text>
      {!editor.isDraft && editor.changed && <Button size="compact-sm" variant="subtle" onClick={() => editor.take(server, held.etag)}>{s.discard}</Button>}
    </Group>
  );
}
