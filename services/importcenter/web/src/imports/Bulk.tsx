import { Anchor, Button, Group, List, Stack, Text } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";

import { Press } from "../app/Press";
import { ProblemNote } from "../app/ProblemNote";
import { text } from "../text";
import { each } from "./bulk";
import type { Outcome, Verb } from "./bulk";

const t = text.imports.bulk;
const verbs: Verb[] = ["pause", "resume", "run"];

/** Bulk does one thing to all selected imports. What cannot be taken back is never agreed to for several at once. */
export function Bulk({ names, onClear }: { names: string[]; onClear: () => void }): ReactNode {
  const queries = useQueryClient();
  const act = useMutation({ mutationFn: (verb: Verb) => each(verb, names), onSuccess: () => queries.invalidateQueries() });
  if (names.length === 0 && act.data === undefined) return null;
  return (
    <Stack gap="xs">
      {names.length > 0 && (
        <Group>
          <Text>{t.selected(names.length)}</Text>
          {verbs.map((v) => <Press key={v} size="compact-sm" variant="default" busy={act.isPending && act.variables === v} disabled={act.isPending} onClick={() => act.mutate(v)}>{t.verbs[v]}</Press>)}
          <Button size="compact-sm" variant="subtle" onClick={onClear}>{t.clear}</Button>
        </Group>
      )}
      <ProblemNote error={act.error} />
      {act.data !== undefined && !act.isPending && <Outcomes verb={act.variables} outcomes={act.data} />}
    </Stack>
  );
}

function Outcomes({ verb, outcomes }: { verb: Verb; outcomes: Outcome[] }): ReactNode {
  const asks = outcomes.filter((o) => o.asks === true);
  const refused = outcomes.filter((o) => o.refused !== undefined && o.asks !== true);
  return (
    <div role="status">
      <Text>{t.done[verb](outcomes.length - asks.length - refused.length)}</Text>
      {asks.length > 0 && <Some title={t.asks} of={asks.map((o) => ({ import: o.import }))} />}
      {refused.length > 0 && <Some title={t.refused} of={refused} />}
    </div>
  );
}

function Some({ title, of }: { title: string; of: Outcome[] }): ReactNode {
  return (
    <>
      <Text>{title}</Text>
      <List size="sm">
        {of.map((o) => (
          <List.Item key={o.import}>
            <Anchor inherit renderRoot={(props) => <Link {...props} to="/imports/$import" params={{ import: o.import }} />}>{o.import}</Anchor>
            {o.refused !== undefined && `: ${o.refused}`}
          </List.Item>
        ))}
      </List>
    </>
  );
}
