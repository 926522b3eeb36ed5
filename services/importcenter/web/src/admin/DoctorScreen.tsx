import { Group, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";

import { Commands } from "../app/Commands";
import { Press } from "../app/Press";
import { Unavailable } from "../app/ProblemNote";
import { Waiting } from "../app/Waiting";
import { text } from "../text";
import { AdminNav } from "./AdminNav";
import { Checks } from "./Checks";
import { deploymentQuery } from "./queries";

const t = text.admin.doctor;

/** DoctorScreen checks what the deployment stands on, the worst first. */
export function DoctorScreen(): ReactNode {
  const seen = useQuery(deploymentQuery);
  if (seen.data === undefined) return seen.error === null ? <Waiting /> : <Unavailable title={t.title} error={seen.error} />;
  const order = ["failed", "warning", "unknown", "ok"];
  const checks = [...seen.data.checks].sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state));
  return (
    <Stack>
      <AdminNav />
      <Group><Title order={1} size="h3">{t.title}</Title><Text size="sm">{t.version(seen.data.version)}</Text>
        <Press size="compact-sm" variant="default" busy={seen.isFetching} onClick={() => void seen.refetch()}>{t.again}</Press></Group>
      {checks.every((c) => c.state === "ok") && <Text className="sentence">{t.allWell}</Text>}
      <Checks title={t.title} checks={checks} />
      <Commands lines={["tapline doctor"]} api={["GET /v1/deployment"]} />
    </Stack>
  );
}
