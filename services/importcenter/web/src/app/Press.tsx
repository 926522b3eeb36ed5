import { Button } from "@mantine/core";
import type { ButtonProps } from "@mantine/core";
import type { ComponentProps, ReactNode } from "react";

interface Props extends ButtonProps, Omit<ComponentProps<"button">, keyof ButtonProps> {
  busy: boolean;
}

/**
 * Press is a button whose work takes a while. It is busy meanwhile and takes no second press, but is
 * not disabled: a browser takes the focus from a disabled button, and with it the place of whoever
 * uses the keyboard.
 */
export function Press({ busy, onClick, ...rest }: Props): ReactNode {
  return <Button {...rest} aria-busy={busy} aria-disabled={busy ? true : undefined} onClick={(e) => (busy ? e.preventDefault() : onClick?.(e))} />;
}
