import { Skeleton, Stack } from "@mantine/core";
import { useEffect, useState } from "react";
import type { ReactNode } from "react";

import { text } from "../text";

/** Waiting keeps the layout while an answer is awaited. It shows nothing for the first 300 ms. */
export function Waiting(): ReactNode {
  const [late, setLate] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), 300);
    return () => clearTimeout(timer);
  }, []);
  if (!late) return null;
  return (
    <Stack role="status" aria-label={text.loading}>
      <Skeleton height={32} width="40%" />
      <Skeleton height={24} />
      <Skeleton height={240} />
    </Stack>
  );
}
