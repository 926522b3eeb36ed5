import { Group, Text } from "@mantine/core";
import { IconAlertTriangle, IconCheck, IconCircle, IconClock, IconHandStop, IconPlayerPause, IconPlayerPlay, IconPlayerStop, IconX } from "@tabler/icons-react";
import type { ReactNode } from "react";

/** Tone is what a state means to whoever reads it; it gives a colour, which repeats the word and the icon. */
export type Tone = "ok" | "warn" | "bad" | "running" | "idle" | "held";

const colours: Record<Tone, string> = {
  ok: "light-dark(#1c6b2a, var(--mantine-color-green-4))",
  warn: "light-dark(#8a5a00, var(--mantine-color-yellow-4))",
  bad: "light-dark(#b02020, var(--mantine-color-red-4))",
  running: "light-dark(var(--mantine-color-blue-9), var(--mantine-color-blue-4))",
  idle: "var(--mantine-color-text)",
  held: "light-dark(var(--mantine-color-grape-9), var(--mantine-color-grape-3))",
};

const icons: Record<string, typeof IconCheck> = {
  Running: IconPlayerPlay, Scheduled: IconClock, Ready: IconCircle, Paused: IconPlayerPause, Stopped: IconPlayerStop, Draft: IconCircle, Held: IconHandStop,
  queued: IconClock, starting: IconPlayerPlay, held: IconHandStop, extracting: IconPlayerPlay, loading: IconPlayerPlay,
  succeeded: IconCheck, succeededWithRejects: IconAlertTriangle, failed: IconX, cancelled: IconPlayerStop,
};

const tones: Record<string, Tone> = {
  Running: "running", Scheduled: "idle", Ready: "idle", Paused: "warn", Stopped: "idle", Draft: "idle", Held: "held",
  queued: "idle", starting: "running", held: "held", extracting: "running", loading: "running",
  succeeded: "ok", succeededWithRejects: "warn", failed: "bad", cancelled: "idle",
};

/** Badge shows a state as a word with an icon. */
export function Badge({ state, word }: { state: string; word: string }): ReactNode {
  const Icon = icons[state] ?? IconCircle;
  return (
    <Group component="span" gap={6} wrap="nowrap" display="inline-flex" style={{ verticalAlign: "bottom" }} c={colours[tones[state] ?? "idle"]}>
      <Icon size={16} aria-hidden stroke={2} />
      <Text span inherit>{word}</Text>
    </Group>
  );
}

/** Toned writes a text in a tone; the text says by itself what the colour repeats. */
export function Toned({ tone, children }: { tone: Tone; children: ReactNode }): ReactNode {
  return <Text span inherit c={colours[tone]}>{children}</Text>;
}
