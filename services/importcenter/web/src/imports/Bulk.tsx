import { Anchor, Button, Group, List, Stack, Text } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import type { ReactNode } from "react";

import { Press } from "../app/Press";
import { ProblemNote } from "../app/ProblemNote";
import { text } from "../text";
import { BulkConfirm } from "./BulkConfirm";
import { each, together } from "./bulk";
import type { Order, Outcome, Verb } from "./bulk";

const t = text.imports.bulk;
const verbs: Verb[] = ["pause", "resume", "run"];

/** Bulk does one thing to all selected imports, and asks once for all that cannot be taken back. */
export function Bulk({ names, onClear }: { names: string[]; onClear: () => void }): ReactNode {
  const queries = useQueryClient();
  const [outcomes, setOutcomes] = useState<Outcome[]>([]);
  const act = useMutation({
    mutationFn: (order: Order) => each(order),
    onSuccess: (done, order) => {
      setOutcomes((before) => (order.agreed === undefined ? done : together(before, done)));
      return queries.invalidateQueries();
    },
  });
  const order = act.variables;
  const asked = outcomes.flatMap((o) => o.asks ?? []);
  const start = (verb: Verb) => {
    setOutcomes([]);
    act.mutate({ verb, names, press: crypto.randomUUID() });
  };
  if (names.length === 0 && outcomes.length === 0) return null;
  return (
    <Stack gap="xs">
      {names.length > 0 && (
        <Group>
          <Text>{t.selected(names.length)}</Text>
          {verbs.map((v) => <Press key={v} size="compact-sm" variant="default" busy={act.isPending} onClick={() => start(v)}>{t.verbs[v]}</Press>)}
          <Button size="compact-sm" variant="subtle" onClick={onClear}>{t.clear}</Button>
        </Group>
      )}
      <ProblemNote error={act.error} />
      {order !== undefined && outcomes.length > 0 && !act.isPending && <Outcomes verb={order.verb} outcomes={outcomes} />}
      {order !== undefined && asked.length > 0 && (
        <BulkConfirm asked={asked} busy={act.isPending} onClose={() => setOutcomes(outcomes.map((o) => (o.asks === undefined ? o : { import: o.import, refused: t.notAgreed })))}
          onAgree={(agreed) => act.mutate({ verb: order.verb, names: [...agreed.keys()], press: order.press, agreed })} />
      )}
    </Stack>
  );
}

function Outcomes({ verb, outcomes }: { verb: Verb; outcomes: Outcome[] }): ReactNode {
  const refused = outcomes.filter((o) => o.refused !== undefined);
  return (
    <div role="status">
      <Text>{t.done[verb](outcomes.filter((o) => o.refused === undefined && o.asks === undefined).length)}</Text>
      {refused.length > 0 && (
        <>
          <Text>{t.refused}</Text>
          <List size="sm">
            {refused.map((o) => (
              <List.Item key={o.import}>
                <Anchor inherit renderRoot={(props) => <Link {...props} to="/imports/$import" params={{ import: o.import }} />}>{o.import}</Anchor>: {o.refused}
              </List.Item>
            ))}
          </List>
        </>
      )}
    </div>
  );
}
