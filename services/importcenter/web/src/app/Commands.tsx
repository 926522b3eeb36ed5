import { ActionIcon, CopyButton, Group, Stack, Title, Tooltip } from "@mantine/core";
import { IconCheck, IconCopy } from "@tabler/icons-react";
import type { ReactNode } from "react";

import { text } from "../text";
import { basePath } from "./base";

interface Props {
  lines: string[];
  /** Requests such as GET /v1/imports, which are shown as commands too. */
  api?: string[];
  title?: string;
}

/** Commands shows how to do the same without the page, each line to copy. */
export function Commands({ lines: commands, api = [], title = text.import.teach }: Props): ReactNode {
  const lines = [...commands, ...api.map(curl)];
  return (
    <Stack gap={4} component="section">
      <Title order={2} size="h5">{title}</Title>
      {lines.map((line) => (
        <Group key={line} gap={8} wrap="nowrap" align="flex-start">
          <CopyButton value={line}>
            {({ copied, copy }) => (
              <Tooltip label={copied ? text.copied : text.copy}>
                <ActionIcon variant="subtle" size="sm" onClick={copy} aria-label={`${text.copy}: ${line}`}>
                  {copied ? <IconCheck size={14} /> : <IconCopy size={14} />}
                </ActionIcon>
              </Tooltip>
            )}
          </CopyButton>
          <pre className="code">{line}</pre>
        </Group>
      ))}
    </Stack>
  );
}

/** curl is the command that sends a request to this Import Center. */
function curl(request: string): string {
  const [method = "", path = ""] = request.split(" ");
  return `curl -H "Authorization: Bearer $TAPLINE_TOKEN" ${method === "GET" ? "" : `-X ${method} `}'${location.origin}${basePath}${path}'`;
}
