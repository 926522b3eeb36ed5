import { Anchor } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";

import { text } from "../text";

export const adminScreens = ["connections", "accounts", "freezes", "keys", "audit", "doctor"] as const;

/** AdminNav leads from one screen of the deployment to the next. */
export function AdminNav(): ReactNode {
  return (
    <nav className="steps" aria-label={text.nav.admin}>
      {adminScreens.map((screen) => (
        <Anchor key={screen} inherit renderRoot={(props) => <Link {...props} to={`/${screen}`} activeProps={{ "aria-current": "page" }} />}>{text.admin.nav[screen]}</Anchor>
      ))}
    </nav>
  );
}
