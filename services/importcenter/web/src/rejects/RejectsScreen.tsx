import { Anchor, Button, Group, Stack, Text, Title } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import type { ReactNode } from "react";

import { client, take } from "../api/client";
import type { Reject } from "../api/client";
import { Commands } from "../app/Commands";
import { Instant } from "../app/Instant";
import { ProblemNote } from "../app/ProblemNote";
import { Waiting } from "../app/Waiting";
import { useNow } from "../app/useNow";
import { text } from "../text";
import type { RejectSearch } from "./search";

const route = getRouteApi("/imports/$import/rejects");

/** RejectsScreen lists rejected rows. They hold personal data, so they are asked for by a press and not by opening the page. */
export function RejectsScreen(): ReactNode {
  const { import: name } = route.useParams();
  const search = route.useSearch();
  const [shown, setShown] = useState(false);
  return (
    <Stack>
      <Title order={1} size="h3">{text.rejects.title}</Title>
      <Group gap="lg">
        <Anchor renderRoot={(props) => <Link {...props} to="/imports/$import" params={{ import: name }} />}>{name}</Anchor>
        {search.run !== undefined && <Text>{search.run}</Text>}
        {search.code !== undefined && <Text>{search.code}</Text>}
        {(search.run ?? search.code) !== undefined && <Anchor renderRoot={(props) => <Link {...props} to="/imports/$import/rejects" params={{ import: name }} search={{}} />}>{text.imports.clear}</Anchor>}
      </Group>
      {shown ? <Rows name={name} search={search} /> : (
        <Group><Text>{text.rejects.masked}</Text><Button onClick={() => setShown(true)}>{text.rejects.show}</Button></Group>
      )}
      <Commands lines={[["tapline get rejects --import", name, search.run && `--run ${search.run}`, search.code && `--code ${search.code}`].filter(Boolean).join(" ")]} />
    </Stack>
  );
}

function Rows({ name, search }: { name: string; search: RejectSearch }): ReactNode {
  const now = useNow();
  const page = useInfiniteQuery({
    queryKey: ["rejects", name, search],
    queryFn: async ({ pageParam }) => {
      const query = { import: name, ...search, pageSize: 50, ...(pageParam === "" ? {} : { pageToken: pageParam }) };
      return (await take(client.GET("/v1/rejects", { params: { query } }))) as { items: Reject[]; nextPageToken: string };
    },
    initialPageParam: "",
    getNextPageParam: (p) => (p.nextPageToken === "" ? undefined : p.nextPageToken),
    staleTime: Infinity,
  });
  if (page.data === undefined) return page.error === null ? <Waiting /> : <ProblemNote error={page.error} />;
  const items = page.data.pages.flatMap((p) => p.items);
  if (items.length === 0 && !page.hasNextPage) return <Text>{text.rejects.none}</Text>;
  const c = text.rejects.columns;
  return (
    <>
      <div className="scroll" tabIndex={0} role="region" aria-label={text.rejects.title}>
        <table className="table">
          <thead><tr><th scope="col">{c.time}</th><th scope="col">{c.code}</th><th scope="col">{c.stage}</th><th scope="col">{c.where}</th><th scope="col">{c.reason}</th></tr></thead>
          <tbody>
            {items.map((r) => (
              <tr key={`${r.run}/${r.stage}/${r.id}/${r.code}/${r.property ?? ""}`}>
                <td><Instant at={r.time} now={now} /></td>
                <td>{r.code}</td>
                <td>{r.stage}</td>
                <td>{r.property ?? r.column}</td>
                <td className="wraps">
                  <details><summary>{r.reason}</summary>
                    <Value title={text.rejects.row} value={r.row} />
                    <Value title={text.rejects.record} value={r.record} />
                  </details>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {page.hasNextPage && <Group><Button variant="default" loading={page.isFetchingNextPage} onClick={() => void page.fetchNextPage()}>{text.rejects.older}</Button></Group>}
    </>
  );
}

function Value({ title, value }: { title: string; value: unknown }): ReactNode {
  return (
    <>
      <Text size="sm" fw={600} mt="xs">{title}</Text>
      {value === undefined || value === null ? <Text size="sm">{text.rejects.absent}</Text> : <pre className="code">{JSON.stringify(value, null, 2)}</pre>}
    </>
  );
}
