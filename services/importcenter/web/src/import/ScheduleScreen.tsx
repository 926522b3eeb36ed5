import { Anchor, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";
import type { ReactNode } from "react";

import { client, take } from "../api/client";
import type { Schemas } from "../api/client";
import { Commands } from "../app/Commands";
import { Unavailable } from "../app/ProblemNote";
import { Waiting } from "../app/Waiting";
import { span } from "../format/time";
import { text } from "../text";
import { ImportNav } from "./ImportNav";

const route = getRouteApi("/imports/$import/schedule");
const t = text.import.due;
const here = Intl.DateTimeFormat().resolvedOptions().timeZone;

const view = (name: string) => ({
  queryKey: ["due", name],
  queryFn: () => take(client.GET("/v1/imports/{import}/schedule", { params: { path: { import: name }, query: { next: 10, past: 20, zone: here } } })),
  refetchInterval: 10_000,
});

/** ScheduleScreen shows when an import is due, and what became of the instants that are past. */
export function ScheduleScreen(): ReactNode {
  const { import: name } = route.useParams();
  const due = useQuery(view(name));
  if (due.data === undefined) return due.error === null ? <Waiting /> : <Unavailable title={t.title} error={due.error} />;
  const { sentence, note, zone, viewer, next, past } = due.data;
  const elsewhere = [...next, ...past].some((d) => d.viewer !== d.local);
  const clocks = next.some((d) => d.clocks !== undefined && d.clocks !== "");
  const planned = next.some((d) => d.planned === true);
  return (
    <Stack>
      <Title order={1} size="h3">{t.title}</Title>
      <ImportNav name={name} />
      <Text className="sentence">{sentence}</Text>
      {note !== undefined && note !== "" && <Text>{note}</Text>}
      <Title order={2} size="h5">{t.next}</Title>
      {next.length === 0 ? <Text>{t.noNext}</Text> : (
        <div className="scroll" tabIndex={0} role="region" aria-label={t.next}>
          <table className="table narrow">
            <thead><tr><th scope="col">{t.here(viewer)}</th>{elsewhere && <th scope="col">{t.there(zone)}</th>}{planned && <th scope="col">{t.byPlan}</th>}{clocks && <th scope="col">{t.clocks}</th>}</tr></thead>
            <tbody>{next.map((d) => <tr key={d.at}><td>{d.viewer}</td>{elsewhere && <td>{d.local}</td>}{planned && <td>{d.planned === true ? t.planned : t.bySchedule}</td>}{clocks && <td>{d.clocks}</td>}</tr>)}</tbody>
          </table>
        </div>
      )}
      <Title order={2} size="h5">{t.past}</Title>
      {past.length === 0 ? <Text>{t.noPast}</Text> : (
        <div className="scroll" tabIndex={0} role="region" aria-label={t.past}>
          <table className="table">
            <thead><tr><th scope="col">{t.here(viewer)}</th>{elsewhere && <th scope="col">{t.there(zone)}</th>}<th scope="col">{t.became}</th><th scope="col" className="numbers">{t.late}</th></tr></thead>
            <tbody>{past.map((d) => <tr key={d.at}><td>{d.viewer}</td>{elsewhere && <td>{d.local}</td>}<td className="wraps"><Became due={d} /></td><td className="numbers">{d.lateSeconds !== undefined && span(1000 * d.lateSeconds)}</td></tr>)}</tbody>
          </table>
        </div>
      )}
      <Commands lines={[`tapline schedule ${name} --past`]} api={[`GET /v1/imports/${name}/schedule`]} />
    </Stack>
  );
}

function Became({ due: d }: { due: Schemas["DueRecord"] }): ReactNode {
  if (d.run === undefined) return [t.outcomes[d.outcome], d.reason].filter(Boolean).join(": ");
  return (
    <>
      <Anchor inherit renderRoot={(props) => <Link {...props} to="/runs/$run" params={{ run: d.run ?? "" }} />}>{d.run}</Anchor>
      {d.state !== undefined && ` ${text.states[d.state] ?? d.state}`}
    </>
  );
}
