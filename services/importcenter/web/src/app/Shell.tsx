import { ActionIcon, Anchor, Button, Text, useComputedColorScheme, useMantineColorScheme } from "@mantine/core";
import { useHotkeys } from "@mantine/hooks";
import { IconMoon, IconSun } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, Outlet, useNavigate } from "@tanstack/react-router";
import { useEffect } from "react";
import type { ReactNode } from "react";

import { ApiError, setKey, signedOut } from "../api/client";
import { callerQuery } from "../api/queries";
import { text } from "../text";
import { Unavailable } from "./ProblemNote";
import { SignIn } from "./SignIn";
import { Waiting } from "./Waiting";
import { basePath } from "./base";
import { atLeast } from "./role";

/** Shell is what every screen stands in: the name, the theme and who is signed in; without a sign-in, the way to it. */
export function Shell(): ReactNode {
  const caller = useQuery(callerQuery);
  const navigate = useNavigate();
  const { refetch } = caller;
  const known = caller.data !== undefined && caller.error === null;
  useEffect(() => {
    if (!known) return undefined;
    // The question itself is refused as well: it is not asked anew while it is under way.
    const onEnd = () => void refetch({ cancelRefetch: false });
    addEventListener(signedOut, onEnd);
    return () => removeEventListener(signedOut, onEnd);
  }, [known, refetch]);
  useHotkeys([["/", () => document.getElementById("search")?.focus()], ["i", () => void navigate({ to: "/", search: {} })]]);
  const refused = caller.error instanceof ApiError && caller.error.problem.status === 401;
  return (
    <>
      <header className="header">
        <Anchor fw={700} renderRoot={(props) => <Link {...props} to="/" search={{}} />}>{text.title}</Anchor>
        <div className="right">
          <ThemeSwitch />
          {caller.data !== undefined && <Anchor renderRoot={(props) => <Link {...props} to={atLeast(caller.data.role, "editor") ? "/connections" : "/approvals"} />}>{text.nav.admin}</Anchor>}
          {caller.data !== undefined && <Who name={caller.data.name} role={caller.data.roleName ?? caller.data.role} by={caller.data.by} />}
        </div>
      </header>
      <main className="main">
        {refused && caller.data === undefined ? <SignIn /> : caller.data !== undefined ? <>{refused && <SignIn again />}<Outlet /></> : caller.error === null ? <Waiting /> : <Unavailable title={text.title} error={caller.error} />}
      </main>
    </>
  );
}

function ThemeSwitch(): ReactNode {
  const { setColorScheme } = useMantineColorScheme();
  const dark = useComputedColorScheme("light") === "dark";
  return (
    <ActionIcon variant="default" aria-label={dark ? text.theme.toLight : text.theme.toDark} onClick={() => setColorScheme(dark ? "light" : "dark")}>
      {dark ? <IconSun size={16} /> : <IconMoon size={16} />}
    </ActionIcon>
  );
}

function Who({ name, role, by }: { name: string; role: string; by: string }): ReactNode {
  const queries = useQueryClient();
  const signOut = async () => {
    setKey("");
    if (by === "session") await fetch(`${basePath}/auth/logout`, { method: "POST" });
    queries.clear();
    await queries.invalidateQueries();
  };
  return (
    <>
      <Text size="sm">{name === "" ? role : `${name}, ${role}`}</Text>
      {by !== "none" && <Button size="compact-sm" variant="default" onClick={() => void signOut()}>{text.signOut}</Button>}
    </>
  );
}
