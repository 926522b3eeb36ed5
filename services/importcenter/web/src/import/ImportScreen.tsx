import { Anchor, Group, Stack, Text, Title } from "@mantine/core";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";
import type { ReactNode } from "react";

import type { Definition, Listing, Run } from "../api/client";
import { useImports } from "../api/live";
import { importQuery, runsQuery } from "../api/queries";
import { Toned } from "../app/Badge";
import { Commands } from "../app/Commands";
import { Facts } from "../app/Facts";
import { Press } from "../app/Press";
import { ProblemNote, Unavailable } from "../app/ProblemNote";
import { Waiting } from "../app/Waiting";
import { useNow } from "../app/useNow";
import { health, rows } from "../format/number";
import { relative } from "../format/time";
import { text } from "../text";
import { Acknowledge } from "./Acknowledge";
import { Actions } from "./Actions";
import { ImportNav } from "./ImportNav";
import { Late } from "./Late";
import { RunsTable } from "./RunsTable";
import { Stats } from "./Stats";

const route = getRouteApi("/imports/$import");

/** ImportScreen is one import: how it is, what it did, what it is made of. */
export function ImportScreen(): ReactNode {
  const { import: name } = route.useParams();
  const now = useNow();
  const definition = useQuery(importQuery(name));
  const listing = useImports().data?.find((l) => l.import === name);
  const runs = useInfiniteQuery(runsQuery(name));
  if (definition.data === undefined) return definition.error === null ? <Waiting /> : <Unavailable title={name} error={definition.error} />;
  const items = runs.data?.pages.flatMap((p) => p.items) ?? [];
  return (
    <Stack>
      <Title order={1} size="h3">{definition.data.metadata.displayName ?? name}</Title>
      <ImportNav name={name} />
      {trouble(listing, items[0]) !== undefined && <Text className="sentence"><Toned tone="bad">{trouble(listing, items[0])}</Toned></Text>}
      {listing !== undefined && <Text className="sentence">{name} {sentence(listing, now)}</Text>}
      {(listing?.openRejects ?? 0) > 0 && (
        <Text className="sentence">
          <Anchor inherit renderRoot={(props) => <Link {...props} to="/imports/$import/rejects" params={{ import: name }} search={{}} />}>{text.import.sentence.rejected(rows(listing?.openRejects ?? 0, "row"))}</Anchor>
          {listing?.health !== null && listing?.health !== undefined && ` ${text.import.sentence.through(health(listing.health))}`}
        </Text>
      )}
      {listing !== undefined && (listing.status === "Running" || listing.condition === "stale" || listing.late !== undefined || listing.hold !== undefined) && <Late name={name} />}
      {listing !== undefined && <Acknowledge name={name} listing={listing} />}
      <Actions name={name} listing={listing} />
      <Facts facts={facts(definition.data, listing)} />
      <Title order={2} size="h5">{text.import.runs}</Title>
      <ProblemNote error={runs.error} />
      {items.length === 0 && runs.data !== undefined ? <Text>{text.import.noRuns}</Text> : <RunsTable runs={items} now={now} />}
      {runs.hasNextPage && <Group><Press variant="default" busy={runs.isFetchingNextPage} onClick={() => void runs.fetchNextPage()}>{text.import.older}</Press></Group>}
      <Stats name={name} />
      <Commands lines={[`tapline get import ${name}`, `tapline get runs --import ${name}`, `tapline run ${name} --wait`]} api={[`GET /v1/imports/${name}`, `GET /v1/imports/${name}/stats`, `POST /v1/imports/${name}/runs`]} />
    </Stack>
  );
}

/** trouble says what is wrong with an import, if anything is: it comes first. */
function trouble(l: Listing | undefined, newest: Run | undefined): string | undefined {
  const s = text.import.sentence;
  if (l === undefined || l.hold !== undefined) return undefined;
  if (newest?.state === "failed" && newest.error !== null) return s.failed(newest.run, newest.error.reason);
  if (l.condition === "stale") return s.late(l.conditionReason ?? "");
  return l.condition === "red" || l.condition === "credentialsRefused" ? s.lost(l.conditionReason ?? "") : undefined;
}

/** sentence says the one thing that matters of an import now. */
function sentence(l: Listing, now: number): string {
  const s = text.import.sentence;
  if (l.hold !== undefined) return s.held(l.hold.reason);
  switch (l.status) {
    case "Running": return s.running(l.lastRun ?? "");
    case "Paused": return s.paused;
    case "Stopped": return s.stopped;
    case "Scheduled": return l.nextRunAt === null ? s.ready : s.scheduled(relative(l.nextRunAt, now));
    default: return s.ready;
  }
}

function facts(d: Definition, l: Listing | undefined): [string, string][] {
  const t = text.import;
  return [
    [t.schedule, l?.schedule ?? ""],
    [t.watermark, l === undefined || l.watermark === "" ? t.watermarkNone : l.watermark],
    [t.connection, d.spec.source.connectionRef],
    [t.account, d.spec.destination.accountRef],
    [t.generation, t.generationValue(d.generation)],
  ];
}
