import { Button, Group, List, Modal, Stack, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import type { ReactNode } from "react";

import { agreementTo, wouldSend } from "../action/agreement";
import type { Agreement } from "../action/agreement";
import type { Confirmation } from "../api/client";
import { Press } from "../app/Press";
import { text } from "../text";

const t = text.imports.bulk;

interface Props {
  asked: Confirmation[];
  busy: boolean;
  onAgree: (agreed: ReadonlyMap<string, Agreement>) => void;
  onClose: () => void;
}

/** BulkConfirm asks once for several imports. It says of each what cannot be taken back, and each account is typed once. */
export function BulkConfirm({ asked, busy, onAgree, onClose }: Props): ReactNode {
  const [typed, setTyped] = useState<Record<string, string>>({});
  const words = [...new Set(asked.flatMap((c) => c.confirm ?? []))].filter((w) => w !== "").sort();
  return (
    <Modal opened onClose={onClose} size="lg" title={t.asks(asked.length)} closeButtonProps={{ "aria-label": text.close }}>
      <Stack>
        <List>
          {asked.map((c) => (
            <List.Item key={c.import}>
              <Text span fw={600}>{c.import}: {wouldSend(c)}</Text>
              <List size="sm" withPadding>{c.sentences.map((s) => <List.Item key={s}>{s}</List.Item>)}</List>
            </List.Item>
          ))}
        </List>
        {words.map((w, n) => (
          <TextInput key={w} label={text.confirm.type(w)} autoComplete="off" value={typed[w] ?? ""} onChange={(e) => setTyped({ ...typed, [w]: e.currentTarget.value })}
            {...(n === 0 ? { "data-autofocus": true } : {})} />
        ))}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>{t.asksNot}</Button>
          <Press color="red" disabled={words.some((w) => typed[w] !== w)} busy={busy} onClick={() => onAgree(new Map(asked.map((c) => [c.import, agreementTo(c)])))}>{t.agree(asked.length)}</Press>
        </Group>
      </Stack>
    </Modal>
  );
}
