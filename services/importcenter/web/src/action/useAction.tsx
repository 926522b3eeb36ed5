import { Button, Group, List, Modal, Stack, Text, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import type { ReactNode } from "react";

import { ApiError } from "../api/client";
import type { Confirmation } from "../api/client";
import { Press } from "../app/Press";
import { text } from "../text";
import { agreementTo, wouldSend } from "./agreement";
import type { Agreement } from "./agreement";

/** How long an action may be busy until what it has brought about is seen, in milliseconds. */
const patience = 10_000;

interface Action {
  start: () => void;
  pending: boolean;
  error: unknown;
  /** The dialog that asks before something that cannot be taken back; null while nothing is asked. */
  dialog: ReactNode;
}

/**
 * useAction sends a command. An answer 428 says what the command would do that cannot be
 * taken back: it is shown, and the command is sent again once a person has agreed. One
 * idempotency key stands for all tries of one press, so that a lost answer starts nothing twice.
 * A command is accepted before it is carried out: seen tells whether the page shows that it was,
 * and the action is busy until then.
 */
export function useAction(send: (agreed: Agreement, key: string) => Promise<unknown>, seen: () => boolean = () => true): Action {
  const queries = useQueryClient();
  const looks = useRef(seen);
  useEffect(() => {
    looks.current = seen;
  });
  const [asked, setAsked] = useState<{ confirmation: Confirmation; key: string }>();
  const mutation = useMutation({
    mutationFn: ({ agreed, key }: { agreed: Agreement; key: string }) => send(agreed, key),
    onSuccess: async () => {
      setAsked(undefined);
      await queries.invalidateQueries();
      for (const end = Date.now() + patience; !looks.current() && Date.now() < end;) await new Promise((resolve) => setTimeout(resolve, 100));
    },
    onError: (error, { key }) => {
      if (error instanceof ApiError && error.problem.confirmation !== undefined) setAsked({ confirmation: error.problem.confirmation, key });
      else setAsked(undefined);
    },
  });
  const asks = mutation.error instanceof ApiError && mutation.error.problem.confirmation !== undefined;
  return {
    start: () => mutation.mutate({ agreed: {}, key: crypto.randomUUID() }),
    pending: mutation.isPending,
    error: asks ? null : mutation.error,
    dialog: asked === undefined ? null : (
      <ConfirmDialog
        confirmation={asked.confirmation}
        pending={mutation.isPending}
        onAgree={(agreed) => mutation.mutate({ agreed, key: asked.key })}
        onClose={() => {
          setAsked(undefined);
          mutation.reset();
        }}
      />
    ),
  };
}

interface DialogProps {
  confirmation: Confirmation;
  pending: boolean;
  onAgree: (agreed: Agreement) => void;
  onClose: () => void;
}

/** ConfirmDialog says what an action does to other people's data, and asks for the account's name where one is to be agreed to. */
function ConfirmDialog({ confirmation, pending, onAgree, onClose }: DialogProps): ReactNode {
  const [typed, setTyped] = useState("");
  const word = confirmation.confirm ?? "";
  return (
    <Modal opened onClose={onClose} title={text.confirm.title(confirmation.action)} closeButtonProps={{ "aria-label": text.close }}>
      <Stack>
        <Text fw={600}>{wouldSend(confirmation)}</Text>
        <List>
          {confirmation.sentences.map((s) => <List.Item key={s}>{s}</List.Item>)}
        </List>
        {word !== "" && <TextInput label={text.confirm.type(word)} value={typed} onChange={(e) => setTyped(e.currentTarget.value)} data-autofocus />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>{text.confirm.cancel}</Button>
          <Press color="red" disabled={typed !== word} busy={pending} onClick={() => onAgree(agreementTo(confirmation))}>{text.confirm.agree}</Press>
        </Group>
      </Stack>
    </Modal>
  );
}
