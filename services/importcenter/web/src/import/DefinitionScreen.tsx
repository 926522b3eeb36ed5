import { Anchor, Stack, Text, Title } from "@mantine/core";
import { queryOptions, useQuery } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";
import type { ReactNode } from "react";

import { client, take } from "../api/client";
import type { Definition, Schemas } from "../api/client";
import { Commands } from "../app/Commands";
import { Instant } from "../app/Instant";
import { ProblemNote, Unavailable } from "../app/ProblemNote";
import { Waiting } from "../app/Waiting";
import { useNow } from "../app/useNow";
import { differences } from "../edit/draft";
import { text } from "../text";
import { GoBack } from "./GoBack";
import { ImportNav } from "./ImportNav";

const route = getRouteApi("/imports/$import/definition");
const t = text.import.history;

const generationsQuery = (name: string) =>
  queryOptions({ queryKey: ["generations", name], queryFn: async () => (await take(client.GET("/v1/imports/{import}/generations", { params: { path: { import: name } } }))).items });

const generationQuery = (name: string, generation: number) =>
  queryOptions({
    queryKey: ["generation", name, generation],
    queryFn: () => take(client.GET("/v1/imports/{import}/generations/{generation}", { params: { path: { import: name, generation } } })),
    staleTime: Infinity,
    retry: false,
  });

/** DefinitionScreen lists how a definition came about: what each change was, when, and whose. */
export function DefinitionScreen(): ReactNode {
  const { import: name } = route.useParams();
  const { generation } = route.useSearch();
  const now = useNow();
  const list = useQuery(generationsQuery(name));
  if (list.data === undefined) return list.error === null ? <Waiting /> : <Unavailable title={t.title} error={list.error} />;
  const newestFirst = [...list.data].sort((a, b) => b.generation - a.generation);
  const chosen = newestFirst.find((g) => g.generation === generation) ?? newestFirst[0];
  const before = newestFirst.find((g) => g.generation < (chosen?.generation ?? 0));
  return (
    <Stack>
      <Title order={1} size="h3">{t.title}</Title>
      <ImportNav name={name} />
      <div className="scroll" tabIndex={0} role="region" aria-label={t.title}>
        <table className="table narrow">
          <thead><tr><th scope="col">{t.generation}</th><th scope="col">{t.what}</th><th scope="col">{t.when}</th><th scope="col">{t.who}</th></tr></thead>
          <tbody>
            {newestFirst.map((g) => (
              <tr key={g.generation} aria-current={g === chosen}>
                <td><Anchor inherit renderRoot={(props) => <Link {...props} to="/imports/$import/definition" params={{ import: name }} search={{ generation: g.generation }} />}>{g.generation}</Anchor></td>
                <td>{t.actions[g.action] ?? g.action}</td>
                <td><Instant at={g.at} now={now} /></td>
                <td>{[g.by, g.role].filter(Boolean).join(", ")}{g.approvedBy !== undefined && `, ${text.admin.audit.viaSecond(g.approvedBy)}`}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {chosen !== undefined && chosen.action !== "delete" && <Shown key={chosen.generation} name={name} chosen={chosen} before={before} newest={newestFirst[0] === chosen} />}
      <Commands lines={[`tapline history ${name}`, `tapline diff --generation N ${name}`, `tapline apply --generation N ${name}`, `tapline get import ${name} -o yaml`]} api={[`GET /v1/imports/${name}/generations`]} />
    </Stack>
  );
}

function Shown({ name, chosen, before, newest }: { name: string; chosen: Schemas["Generation"]; before: Schemas["Generation"] | undefined; newest: boolean }): ReactNode {
  const after = useQuery(generationQuery(name, chosen.generation));
  const earlier = useQuery({ ...generationQuery(name, before?.generation ?? 0), enabled: before !== undefined && before.action !== "delete" });
  const yaml = useQuery({ queryKey: ["yaml", name, chosen.generation], queryFn: () => yamlOf(body(after.data?.definition)), enabled: after.data !== undefined, staleTime: Infinity });
  if (after.data === undefined) return after.error === null ? <Waiting /> : <ProblemNote error={after.error} />;
  return (
    <>
      <ProblemNote error={earlier.error} />
      {before !== undefined && earlier.data !== undefined && <Changes of={differences(body(earlier.data.definition), body(after.data.definition))} from={before.generation} to={chosen.generation} />}
      {!newest && after.data.definition !== undefined && <GoBack name={name} generation={chosen.generation} to={after.data.definition} />}
      <Title order={2} size="h5">{t.whole(chosen.generation)}</Title>
      <pre className="code tall" tabIndex={0} aria-label={t.whole(chosen.generation)}>{yaml.data}</pre>
    </>
  );
}

async function yamlOf(value: unknown): Promise<string> {
  const { stringify } = await import("yaml");
  return stringify(value, { lineWidth: 0 });
}

function body(d: Definition | undefined): unknown {
  return d === undefined ? {} : { metadata: d.metadata, spec: d.spec };
}

function Changes({ of, from, to }: { of: ReturnType<typeof differences>; from: number; to: number }): ReactNode {
  return (
    <section>
      <Title order={2} size="h5">{t.changes(from, to)}</Title>
      {of.length === 0 ? <Text>{t.same}</Text> : (
        <div className="scroll" tabIndex={0} role="region" aria-label={t.changes(from, to)}>
          <table className="table">
            <thead><tr><th scope="col">{text.edit.conflict.path}</th><th scope="col">{t.before}</th><th scope="col">{t.after}</th></tr></thead>
            <tbody>{of.map((d) => <tr key={d.path}><td>{d.path}</td><td className="wraps"><bdi>{written(d.mine)}</bdi></td><td className="wraps"><bdi>{written(d.theirs)}</bdi></td></tr>)}</tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function written(value: unknown): string {
  return value === undefined ? text.edit.conflict.absent : typeof value === "string" ? value : JSON.stringify(value);
}
