import { Anchor, Button, Group, List, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useState } from "react";

import { useAction } from "../action/useAction";
import { Began } from "../actions/Considered";
import { client, take, takeExact } from "../api/client";
import type { Schemas } from "../api/client";
import { importQuery, isActive, live } from "../api/queries";
import { Commands } from "../app/Commands";
import { Press } from "../app/Press";
import { ProblemNote, Unavailable } from "../app/ProblemNote";
import { Waiting } from "../app/Waiting";
import { visible } from "../app/jsonLines";
import { useMay } from "../app/role";
import { count, rows, share } from "../format/number";
import { shorten } from "../edit/grid";
import { text } from "../text";
import { wrongOf } from "./found";

const route = getRouteApi("/verifications/$run");
const t = text.verification;
type Verification = Schemas["Verification"];

const verificationQuery = (run: string) => ({
  queryKey: ["verification", run],
  queryFn: () => takeExact<Verification>(client.GET("/v1/verifications/{run}", { params: { path: { run } }, parseAs: "text" })),
  // Each look is audited: it is asked again only while it goes on.
  refetchInterval: (q: { state: { data?: Verification | undefined } }) => (q.state.data !== undefined && isActive(q.state.data.run.state) ? live : false) as number | false,
  refetchOnWindowFocus: false,
  staleTime: Infinity,
  structuralSharing: false,
});

/** VerificationScreen tells of whom CleverTap does not hold what it should, and sends them again. */
export function VerificationScreen(): ReactNode {
  const { run: name } = route.useParams();
  const may = useMay("analyst");
  const found = useQuery({ ...verificationQuery(name), enabled: may });
  if (!may) return <Stack><Title order={1} size="h3">{t.title(name)}</Title><Text>{text.rows.notYours}</Text></Stack>;
  if (found.data === undefined) return found.error === null ? <Waiting /> : <Unavailable title={t.title(name)} error={found.error} />;
  const v = found.data;
  return (
    <Stack>
      <Group gap="lg">
        <Title order={1} size="h3">{t.title(name)}</Title>
        <Anchor renderRoot={(props) => <Link {...props} to="/imports/$import" params={{ import: v.run.import }} />}>{v.run.import}</Anchor>
        <Anchor renderRoot={(props) => <Link {...props} to="/imports/$import/actions" params={{ import: v.run.import }} />}>{t.again}</Anchor>
      </Group>
      <ProblemNote error={found.error} />
      {v.done ? <Result v={v} /> : <Text className="sentence" role="status">{isActive(v.run.state) ? t.runs : v.run.error !== null ? t.failed(v.run.error.reason) : t.gone}</Text>}
      <Commands lines={[`tapline verify ${v.run.import}`, `tapline verify ${v.run.import} --repair`]} />
    </Stack>
  );
}

function Result({ v }: { v: Verification }): ReactNode {
  const wrong = wrongOf(v);
  const [shown, setShown] = useState(false);
  const people = Object.entries(v.people).filter(([key, n]) => t.counts[key] !== undefined && (n as number) > 0);
  const c = t.columns;
  return (
    <>
      <Text className="sentence" role="status">{v.people.compared === 0 ? t.none : wrong === 0 ? t.all(count(v.people.compared)) : t.sentence(count(wrong), count(v.people.compared))}</Text>
      {v.whole ? <Text>{t.exact}</Text> : v.interval !== undefined && <Text>{t.interval(share(v.interval.low), share(v.interval.high), share(v.interval.confidence))}</Text>}
      <Title order={2} size="h5">{t.people}</Title>
      <List size="sm">{people.map(([key, n]) => <List.Item key={key}>{count(n as number)} {t.counts[key]}</List.Item>)}</List>
      {v.properties.length > 0 && (
        <>
          <Title order={2} size="h5">{t.properties}</Title>
          <div className="scroll" tabIndex={0} role="region" aria-label={t.properties}>
            <table className="table narrow">
              <thead><tr><th scope="col">{c.property}</th><th scope="col" className="numbers">{c.equal}</th><th scope="col" className="numbers">{c.differs}</th><th scope="col" className="numbers">{c.not}</th><th scope="col">{c.why}</th></tr></thead>
              <tbody>{v.properties.map((p) => <tr key={p.property}><th scope="row">{p.property}</th><td className="numbers">{count(p.equal)}</td><td className="numbers">{count(p.differs)}</td><td className="numbers">{count(p.notComparable)}</td><td className="wraps">{p.reason}</td></tr>)}</tbody>
            </table>
          </div>
        </>
      )}
      {wrong > 0 && <Repair v={v} wrong={wrong} />}
      {v.rows.length > 0 && (
        <section>
          <Title order={2} size="h5">{t.rows}</Title>
          {shown ? <People v={v} /> : <Group><Text>{t.masked}</Text><Button variant="default" onClick={() => setShown(true)}>{t.show}</Button></Group>}
        </section>
      )}
    </>
  );
}

function Repair({ v, wrong }: { v: Verification; wrong: number }): ReactNode {
  const may = useMay("operator");
  const definition = useQuery(importQuery(v.run.import)).data;
  const [began, setBegan] = useState<string>();
  const repair = useAction(async (agreed, key) => {
    const { run } = await take(client.POST("/v1/verifications/{run}/repair", { params: { path: { run: v.run.run }, query: agreed, header: { "Idempotency-Key": key } } }));
    setBegan(run);
  });
  if (v.type === "event") return <Text>{t.noRepair}</Text>;
  if (!may) return null;
  return (
    <>
      {began === undefined && <Group><Press busy={repair.pending} onClick={repair.start}>{t.repair(rows(wrong, "profile"), definition?.spec.destination.accountRef ?? "")}</Press><Text size="sm">{t.repairWhat}</Text></Group>}
      <ProblemNote error={repair.error} />
      {repair.dialog}
      {began !== undefined && <Began run={began} />}
    </>
  );
}

const most = 500;

function People({ v }: { v: Verification }): ReactNode {
  const c = t.rowColumns;
  return (
    <div className="scroll grid" tabIndex={0} role="region" aria-label={t.rows}>
      <table className="table">
        <thead><tr><th scope="col">{c.identity}</th><th scope="col">{c.result}</th><th scope="col">{c.property}</th><th scope="col">{c.ours}</th><th scope="col">{c.theirs}</th><th scope="col">{c.next}</th></tr></thead>
        <tbody>
          {v.rows.slice(0, most).flatMap((r) => (r.values.length === 0 ? [undefined] : r.values).map((value, n) => (
            <tr key={`${r.identity} ${n} ${value?.property ?? ""}`}>
              <td><bdi>{visible(r.identity)}</bdi></td>
              <td>{t.results[value?.result ?? r.result] ?? r.result}</td>
              <td>{value?.property}</td>
              <td className="wraps"><bdi>{written(value?.ours)}</bdi></td>
              <td className="wraps"><bdi>{written(value?.theirs)}</bdi></td>
              <td className="wraps">{[r.waits === true ? t.waits : undefined, value?.reason ?? r.reason].filter(Boolean).join("; ")}</td>
            </tr>
          )))}
        </tbody>
      </table>
    </div>
  );
}

function written(value: unknown): string {
  return value === undefined ? "" : shorten(visible(JSON.stringify(value)), 120);
}
