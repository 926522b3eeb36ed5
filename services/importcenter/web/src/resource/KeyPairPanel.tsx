import { Button, Group, Stack, Text, TextInput, Title } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import type { ReactNode } from "react";

import { client, take } from "../api/client";
import { Commands } from "../app/Commands";
import { Press } from "../app/Press";
import { ProblemNote } from "../app/ProblemNote";
import { save } from "../app/save";
import { text } from "../text";
import { makeKeyPair, statement } from "./keypair";

const t = text.admin.keyPair;

interface Props {
  /** The connection's name; "" before it has one. */
  name: string;
  user: string;
  /** A key is in use already: the new one takes the second place. */
  rotates: boolean;
  onReference: (reference: string) => void;
}

/** KeyPairPanel makes a key pair in the browser, shows the SQL for its public half, and leaves the private half to the person. */
export function KeyPairPanel({ name, user, rotates, onReference }: Props): ReactNode {
  const [reference, setReference] = useState("ref+file:///run/secrets/snowflake_key.p8");
  const make = useMutation({ mutationFn: makeKeyPair });
  const store = useMutation({
    mutationFn: async (value: string) => {
      const secret = `${name}-${Date.now().toString(36)}`;
      const stored = await take(client.PUT("/v1/secrets/{use}/{name}", { params: { path: { use: "snowflake", name: secret } }, body: { value } }));
      onReference(stored.reference);
    },
  });
  const pair = make.data;
  if (globalThis.crypto.subtle === undefined) return <Text>{t.insecure}</Text>;
  return (
    <section className="stage" aria-label={t.title}>
      <Stack gap="xs">
        <Title order={2} size="h5">{rotates ? t.rotate : t.title}</Title>
        <Text size="sm">{t.help}</Text>
        <Group><Press variant="default" busy={make.isPending} disabled={user === ""} onClick={() => make.mutate()}>{t.make}</Press>{user === "" && <Text size="sm">{t.needsUser}</Text>}</Group>
        <ProblemNote error={make.error ?? store.error} />
        {pair !== undefined && (
          <>
            <Text>{t.sql(pair.fingerprint)}</Text>
            <Commands title={t.statement} lines={[statement(user, pair.publicKey, rotates)]} />
            <Text>{t.private}</Text>
            <Group>
              <Button variant="default" onClick={() => save(new Blob([pair.pem], { type: "application/x-pem-file" }), rotates ? "snowflake_key_2.p8" : "snowflake_key.p8")}>{t.download}</Button>
              {name !== "" && <Press variant="default" busy={store.isPending} disabled={store.isSuccess} onClick={() => store.mutate(pair.pem)}>{store.isSuccess ? t.stored : t.store}</Press>}
            </Group>
            {!store.isSuccess && (
              <Group align="flex-end">
                <TextInput label={t.reference} description={t.referenceHelp} value={reference} onChange={(e) => setReference(e.currentTarget.value)} miw={360} />
                <Button variant="default" onClick={() => onReference(reference)}>{t.use}</Button>
              </Group>
            )}
            {rotates && <Text size="sm">{t.rotated(user)}</Text>}
          </>
        )}
      </Stack>
    </section>
  );
}
