import { Anchor, Button, Group, Select, Stack, Text, Title, UnstyledButton } from "@mantine/core";
import { IconChevronDown, IconChevronRight } from "@tabler/icons-react";
import { infiniteQueryOptions, useInfiniteQuery, useMutation, useQuery } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";
import { Fragment, useState } from "react";
import type { ReactNode } from "react";

import { client, takeExact, takeFile } from "../api/client";
import type { Schemas } from "../api/client";
import { runQuery } from "../api/queries";
import { Commands } from "../app/Commands";
import { Instant } from "../app/Instant";
import { Press } from "../app/Press";
import { ProblemNote, Unavailable } from "../app/ProblemNote";
import { Waiting } from "../app/Waiting";
import { useMay } from "../app/role";
import { save } from "../app/save";
import { useNow } from "../app/useNow";
import { count } from "../format/number";
import { Groups } from "../rejects/Groups";
import { groupsQuery } from "../rejects/queries";
import { RowDetail } from "../row/RowDetail";
import { text } from "../text";
import { results } from "./search";
import type { RowSearch } from "./search";

const route = getRouteApi("/runs/$run/rows");
const t = text.rows;

const rowsQuery = (run: string, search: RowSearch) =>
  infiniteQueryOptions({
    queryKey: ["rows", run, search],
    queryFn: ({ pageParam }) => {
      const query = { ...search, pageSize: 100, ...(pageParam === "" ? {} : { pageToken: pageParam }) };
      return takeExact<Schemas["RowsPage"]>(client.GET("/v1/runs/{run}/rows", { params: { path: { run }, query }, parseAs: "text" }));
    },
    initialPageParam: "",
    getNextPageParam: (p) => (p.nextPageToken === "" ? undefined : p.nextPageToken),
    staleTime: Infinity,
    structuralSharing: false,
  });

/** RowsScreen lists what became of each row of a run, when a person asks for it. */
export function RowsScreen(): ReactNode {
  const { run: name } = route.useParams();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const run = useQuery(runQuery(name));
  const may = useMay("analyst");
  const [asked, setAsked] = useState(false);
  if (run.data === undefined) return run.error === null ? <Waiting /> : <Unavailable title={t.title(name)} error={run.error} />;
  return (
    <Stack>
      <Group gap="lg">
        <Title order={1} size="h3">{t.title(name)}</Title>
        <Anchor renderRoot={(props) => <Link {...props} to="/runs/$run" params={{ run: name }} />}>{name}</Anchor>
      </Group>
      <Group gap="lg" align="end">
        <Select label={t.result} placeholder={t.any} clearable w={180} value={search.result ?? null} data={results.map((value) => ({ value, label: t.results[value] ?? value }))}
          clearButtonProps={{ "aria-label": text.imports.clear }} onChange={(v) => void navigate({ search: readSearch(v) })} />
        {may && <Download run={name} search={search} />}
      </Group>
      <Failed run={name} of={run.data.import} />
      {!may ? <Text>{t.notYours}</Text> : asked ? <Rows run={name} of={run.data.import} search={search} /> : (
        <Group><Text>{t.masked}</Text><Button onClick={() => setAsked(true)}>{t.show}</Button></Group>
      )}
      <Commands lines={[`tapline get rows --run ${name}${search.result === undefined ? "" : ` --result ${search.result}`}`]} api={[`GET /v1/runs/${name}/rows`]} />
    </Stack>
  );
}

/** Failed are the run's causes with their counts, which hold no personal data, and the way to a replay. */
function Failed({ run, of }: { run: string; of: string }): ReactNode {
  const groups = useQuery(groupsQuery(of, { run })).data;
  if (groups === undefined || groups.total === 0) return null;
  return (
    <>
      <details><summary>{t.whyFailed(groups.total)}</summary><Groups counts={groups} name={of} search={{ run }} /></details>
      <Group><Button variant="default" renderRoot={(props) => <Link {...props} to="/imports/$import/rejects" params={{ import: of }} search={{ run }} />}>{t.replayFailed}</Button></Group>
    </>
  );
}

function readSearch(value: string | null): RowSearch {
  const result = results.find((r) => r === value);
  return result === undefined ? {} : { result };
}

function Download({ run, search }: { run: string; search: RowSearch }): ReactNode {
  const get = useMutation({
    mutationFn: async () => {
      const params = { path: { run }, query: search, header: { Accept: "application/x-ndjson" } };
      save(await takeFile(client.GET("/v1/runs/{run}/rows", { params, parseAs: "blob" })), `${run}-rows.${t.file}`);
    },
  });
  return <><Press variant="default" busy={get.isPending} onClick={() => get.mutate()}>{t.download}</Press><ProblemNote error={get.error} /></>;
}

function Rows({ run, of, search }: { run: string; of: string; search: RowSearch }): ReactNode {
  const now = useNow();
  const [opened, setOpened] = useState<string>();
  const page = useInfiniteQuery(rowsQuery(run, search));
  if (page.data === undefined) return page.error === null ? <Waiting /> : <ProblemNote error={page.error} />;
  const items = page.data.pages.flatMap((p) => p.items);
  const c = t.columns;
  const unlisted = Object.entries(page.data.pages.at(-1)?.unlisted ?? {}).filter(([, n]) => n > 0);
  return (
    <Stack gap="xs">
      <div className="scroll" tabIndex={0} role="region" aria-label={t.title(run)}>
        <table className="table">
          <thead><tr><th scope="col" aria-label={t.open("")} /><th scope="col">{c.result}</th><th scope="col">{c.identity}</th><th scope="col">{c.clevertap}</th><th scope="col">{c.event}</th><th scope="col">{c.code}</th><th scope="col">{c.where}</th><th scope="col">{c.reason}</th><th scope="col">{c.time}</th></tr></thead>
          <tbody>
            {items.map((r) => {
              const open = opened === r.ref;
              const Icon = open ? IconChevronDown : IconChevronRight;
              return (
                <Fragment key={r.ref}>
                  <tr>
                    <td><UnstyledButton aria-expanded={open} aria-label={t.open(r.id)} onClick={() => setOpened(open ? undefined : r.ref)}><Icon size={16} aria-hidden /></UnstyledButton></td>
                    <td>{t.results[r.result]}</td>
                    <td><bdi>{r.gone === true ? t.gone : r.identity}</bdi></td>
                    <td><bdi>{r.cleverTapId}</bdi></td>
                    <td><bdi>{r.event}</bdi></td>
                    <td>{r.code}</td>
                    <td><bdi>{r.property ?? r.column}</bdi></td>
                    <td className="wraps">{r.reason}</td>
                    <td><Instant at={r.time} now={now} /></td>
                  </tr>
                  {open && <tr className="opened"><td colSpan={9} className="wraps"><RowDetail known={{ ...r, import: of, run, identity: r.identity ?? r.cleverTapId }} /></td></tr>}
                </Fragment>
              );
            })}
          </tbody>
        </table>
      </div>
      {items.length === 0 && !page.hasNextPage && <Text>{t.none}</Text>}
      {page.hasNextPage && <Group><Press variant="default" busy={page.isFetchingNextPage} onClick={() => void page.fetchNextPage()}>{t.more}</Press></Group>}
      {unlisted.length > 0 && <Text size="sm">{t.unlisted(unlisted.map(([k, n]) => `${count(n)} ${t.unlistedOf[k] ?? k}`).join(", "))}</Text>}
    </Stack>
  );
}
