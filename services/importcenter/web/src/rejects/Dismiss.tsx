import { Button, Group, Modal, Stack, Text } from "@mantine/core";
import { useState } from "react";
import type { ReactNode } from "react";

import { useAction } from "../action/useAction";
import { client, take } from "../api/client";
import { Press } from "../app/Press";
import { ProblemNote } from "../app/ProblemNote";
import { text } from "../text";

const t = text.rows.rejects;

/** Dismiss counts an import's failed rows as dealt with, after a sentence that says so. */
export function Dismiss({ name }: { name: string }): ReactNode {
  const [asked, setAsked] = useState(false);
  const dismiss = useAction(async (_, key) => {
    await take(client.POST("/v1/imports/{import}/rejects/dismiss", { params: { path: { import: name }, header: { "Idempotency-Key": key } } }));
    setAsked(false);
  });
  return (
    <>
      <Button variant="default" onClick={() => setAsked(true)}>{t.dismiss}</Button>
      <Modal opened={asked} onClose={() => setAsked(false)} title={t.dismissTitle(name)} closeButtonProps={{ "aria-label": text.close }}>
        <Stack>
          <Text>{t.dismissHelp}</Text>
          <ProblemNote error={dismiss.error} />
          <Group justify="flex-end">
            <Button variant="default" onClick={() => setAsked(false)}>{text.confirm.cancel}</Button>
            <Press color="red" busy={dismiss.pending} onClick={dismiss.start}>{t.dismissNow}</Press>
          </Group>
        </Stack>
      </Modal>
    </>
  );
}
