import { Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import type { ReactNode } from "react";

import { importQuery } from "../api/queries";
import { Commands } from "../app/Commands";
import { Unavailable } from "../app/ProblemNote";
import { Waiting } from "../app/Waiting";
import { text } from "../text";
import { ImportNav } from "./ImportNav";
import { topicsOf } from "./topics";

const route = getRouteApi("/imports/$import/topics");
const t = text.import.topics;

/** TopicsScreen says where the rows and records of an import lie, and how they are read without this page. */
export function TopicsScreen(): ReactNode {
  const { import: name } = route.useParams();
  const definition = useQuery(importQuery(name));
  if (definition.data === undefined) return definition.error === null ? <Waiting /> : <Unavailable title={t.title} error={definition.error} />;
  return (
    <Stack>
      <Title order={1} size="h3">{t.title}</Title>
      <ImportNav name={name} />
      <Text className="sentence">{t.what}</Text>
      {topicsOf(name).map((topic) => (
        <section key={topic.topic}>
          <Title order={2} size="h5">{topic.topic}</Title>
          <Text>{t.holds[topic.holds]}</Text>
        </section>
      ))}
      <Text>{t.read}</Text>
      <Commands lines={topicsOf(name).map((topic) => topic.command)} />
    </Stack>
  );
}
