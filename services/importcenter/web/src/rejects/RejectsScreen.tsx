import { Anchor, Button, Group, Select, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import type { ReactNode } from "react";

import { Commands } from "../app/Commands";
import { ProblemNote, Unavailable } from "../app/ProblemNote";
import { Waiting } from "../app/Waiting";
import { useMay } from "../app/role";
import { useNow } from "../app/useNow";
import { absolute } from "../format/time";
import { share } from "../format/number";
import { ImportNav } from "../import/ImportNav";
import { text } from "../text";
import { Dismiss } from "./Dismiss";
import { Download } from "./Download";
import { Groups } from "./Groups";
import { RejectRows } from "./RejectRows";
import { Replay } from "./Replay";
import { groupsQuery } from "./queries";
import { commandOf, states } from "./search";
import type { RejectSearch } from "./search";

const route = getRouteApi("/imports/$import/rejects");
const t = text.rows.rejects;

/** RejectsScreen shows why rows failed: groups first, which hold no personal data, then rows, which are read on a press. */
export function RejectsScreen(): ReactNode {
  const { import: name } = route.useParams();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const groups = useQuery(groupsQuery(name, search));
  const mayRead = useMay("analyst");
  const mayAct = useMay("operator");
  const [replaying, setReplaying] = useState(false);
  if (groups.data === undefined) return groups.error === null ? <Waiting /> : <Unavailable title={t.title} error={groups.error} />;
  const { total, complete, from } = groups.data;
  const filtered = Object.keys(search).length > 0;
  return (
    <Stack>
      <Title order={1} size="h3">{t.title}</Title>
      <ImportNav name={name} />
      <Group gap="lg">
        <Filters search={search} />
        <Select aria-label={t.state} placeholder={t.state} clearable value={search.state ?? null} w={180} data={states.map((value) => ({ value, label: t.states[value] ?? value }))}
          clearButtonProps={{ "aria-label": text.imports.clear }} onChange={(state) => void navigate({ search: (old) => without({ ...old, state: (state ?? undefined) as RejectSearch["state"] }) })} />
        {filtered && <Anchor renderRoot={(props) => <Link {...props} to="/imports/$import/rejects" params={{ import: name }} search={{}} />}>{text.imports.clear}</Anchor>}
      </Group>
      <Text className="sentence">
        {total === 0 ? t.none : t.sentence(total)} {!complete && t.incomplete(share(groups.data.share))} {groups.data.why} {from !== undefined && t.since(absolute(from))}
      </Text>
      {total > 0 && (
        <Group>
          {mayAct && <Button onClick={() => setReplaying(true)} disabled={replaying}>{text.rows.replay.open}</Button>}
          {mayRead && <Download name={name} search={search} />}
          <Button variant="default" renderRoot={(props) => <Link {...props} to="/imports/$import/edit/$step" params={{ import: name, step: "properties" }} />}>{t.fix}</Button>
          {mayAct && <Dismiss name={name} />}
        </Group>
      )}
      {replaying && <Replay name={name} selection={selectionOf(search)} onClose={() => setReplaying(false)} />}
      <ProblemNote error={groups.error} />
      {total > 0 && <Groups counts={groups.data} name={name} search={search} />}
      {total > 0 && <Rows name={name} search={search} may={mayRead} />}
      <Commands lines={[commandOf("tapline get rejects --import", name, search), commandOf("tapline replay", name, search) + " --plan"]} api={[`GET /v1/rejects?import=${name}`, `GET /v1/rejects/counts?import=${name}`]} />
    </Stack>
  );
}

/** A replay takes what is open; it has no filter by state. */
function selectionOf({ run, code, column, stage }: RejectSearch): Omit<RejectSearch, "state"> {
  return without({ run, code, column, stage });
}

function without<T extends object>(s: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(s).filter(([, v]) => v !== undefined)) as { [K in keyof T]: Exclude<T[K], undefined> };
}

function Filters({ search }: { search: RejectSearch }): ReactNode {
  const shown: [string, string | undefined][] = [[t.run, search.run], [t.code, search.code], [t.columnFilter, search.column]];
  return shown.map(([label, value]) => value !== undefined && <Text key={label}>{label} <b>{value}</b></Text>);
}

function Rows({ name, search, may }: { name: string; search: RejectSearch; may: boolean }): ReactNode {
  const now = useNow();
  const [asked, setAsked] = useState(false);
  return (
    <section>
      <Title order={2} size="h5" mb="xs">{t.rows}</Title>
      {!may ? <Text>{text.rows.notYours}</Text> : asked ? <RejectRows name={name} search={search} now={now} /> : (
        <Group><Text>{text.rows.masked}</Text><Button variant="default" onClick={() => setAsked(true)}>{text.rows.show}</Button></Group>
      )}
    </section>
  );
}
