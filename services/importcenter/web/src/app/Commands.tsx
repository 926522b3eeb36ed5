import { ActionIcon, CopyButton, Group, Stack, Title, Tooltip } from "@mantine/core";
import { IconCheck, IconCopy } from "@tabler/icons-react";
import type { ReactNode } from "react";

import { text } from "../text";

/** Commands shows how to do the same without the page, each line to copy. */
export function Commands({ lines, title = text.import.teach }: { lines: string[]; title?: string }): ReactNode {
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
