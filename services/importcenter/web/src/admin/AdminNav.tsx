import { Anchor } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";

import { callerQuery } from "../api/queries";
import { atLeast } from "../app/role";
import type { Role } from "../app/role";
import { text } from "../text";

const adminScreens = ["connections", "accounts", "notifications", "freezes", "suppression", "approvals", "sessions", "keys", "audit", "doctor"] as const;

// Who may open which: the API refuses the others.
const screens: [(typeof adminScreens)[number], Role][] = [["connections", "editor"], ["accounts", "editor"], ["notifications", "editor"], ["freezes", "viewer"], ["suppression", "admin"], ["approvals", "viewer"], ["sessions", "viewer"], ["keys", "admin"], ["audit", "admin"], ["doctor", "operator"]];

/** AdminNav leads from one screen of the deployment to the next. */
export function AdminNav(): ReactNode {
  const role = useQuery(callerQuery).data?.role ?? "";
  return (
    <nav className="steps" aria-label={text.nav.admin}>
      {screens.filter(([, least]) => atLeast(role, least)).map(([screen]) => (
        <Anchor key={screen} inherit renderRoot={(props) => <Link {...props} to={`/${screen}`} activeProps={{ "aria-current": "page" }} />}>{text.admin.nav[screen]}</Anchor>
      ))}
    </nav>
  );
}
