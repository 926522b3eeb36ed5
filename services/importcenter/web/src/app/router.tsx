import { Anchor, Stack, Text, Title } from "@mantine/core";
import { Link, createRootRoute, createRoute, createRouter, lazyRouteComponent } from "@tanstack/react-router";
import type { ReactNode } from "react";

import { ImportScreen } from "../import/ImportScreen";
import { readDefinitionSearch } from "../import/definitionSearch";
import { readStatsSearch } from "../import/statsSearch";
import { ImportsScreen } from "../imports/ImportsScreen";
import { readSearch } from "../imports/filter";
import { readRejectSearch } from "../rejects/search";
import { readRowSearch } from "../rows/search";
import { RunScreen } from "../run/RunScreen";
import { text } from "../text";
import { Shell } from "./Shell";
import { basePath } from "./base";

function NotFound(): ReactNode {
  return (
    <Stack>
      <Title order={1} size="h3">{text.notFound.title}</Title>
      <Text><Anchor renderRoot={(props) => <Link {...props} to="/" search={{}} />}>{text.notFound.next}</Anchor></Text>
    </Stack>
  );
}

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound });
const imports = createRoute({ getParentRoute: () => root, path: "/", component: ImportsScreen, validateSearch: readSearch });
const importRoute = createRoute({ getParentRoute: () => root, path: "/imports/$import", component: ImportScreen, validateSearch: readStatsSearch });
const newImport = createRoute({ getParentRoute: () => root, path: "/new", component: lazyRouteComponent(() => import("../edit/NewScreen"), "NewScreen") });
const edit = createRoute({ getParentRoute: () => root, path: "/imports/$import/edit/$step", component: lazyRouteComponent(() => import("../edit/EditScreen"), "EditScreen") });
const rejects = createRoute({ getParentRoute: () => root, path: "/imports/$import/rejects", component: lazyRouteComponent(() => import("../rejects/RejectsScreen"), "RejectsScreen"), validateSearch: readRejectSearch });
const connections = createRoute({ getParentRoute: () => root, path: "/connections", component: lazyRouteComponent(() => import("../admin/ConnectionsScreen"), "ConnectionsScreen") });
const accounts = createRoute({ getParentRoute: () => root, path: "/accounts", component: lazyRouteComponent(() => import("../admin/AccountsScreen"), "AccountsScreen") });
const freezes = createRoute({ getParentRoute: () => root, path: "/freezes", component: lazyRouteComponent(() => import("../admin/FreezesScreen"), "FreezesScreen") });
const keys = createRoute({ getParentRoute: () => root, path: "/keys", component: lazyRouteComponent(() => import("../admin/KeysScreen"), "KeysScreen") });
const audit = createRoute({ getParentRoute: () => root, path: "/audit", component: lazyRouteComponent(() => import("../admin/AuditScreen"), "AuditScreen") });
const doctor = createRoute({ getParentRoute: () => root, path: "/doctor", component: lazyRouteComponent(() => import("../admin/DoctorScreen"), "DoctorScreen") });
const run = createRoute({ getParentRoute: () => root, path: "/runs/$run", component: RunScreen });
const runRows = createRoute({ getParentRoute: () => root, path: "/runs/$run/rows", component: lazyRouteComponent(() => import("../rows/RowsScreen"), "RowsScreen"), validateSearch: readRowSearch });
const why = createRoute({ getParentRoute: () => root, path: "/imports/$import/why", component: lazyRouteComponent(() => import("../why/WhyScreen"), "WhyScreen") });
const schedule = createRoute({ getParentRoute: () => root, path: "/imports/$import/schedule", component: lazyRouteComponent(() => import("../import/ScheduleScreen"), "ScheduleScreen") });
const definition = createRoute({ getParentRoute: () => root, path: "/imports/$import/definition", component: lazyRouteComponent(() => import("../import/DefinitionScreen"), "DefinitionScreen"), validateSearch: readDefinitionSearch });
const topics = createRoute({ getParentRoute: () => root, path: "/imports/$import/topics", component: lazyRouteComponent(() => import("../import/TopicsScreen"), "TopicsScreen") });
const actions = createRoute({ getParentRoute: () => root, path: "/imports/$import/actions", component: lazyRouteComponent(() => import("../actions/ActionsScreen"), "ActionsScreen") });
const verification = createRoute({ getParentRoute: () => root, path: "/verifications/$run", component: lazyRouteComponent(() => import("../verification/VerificationScreen"), "VerificationScreen") });
const notifications = createRoute({ getParentRoute: () => root, path: "/notifications", component: lazyRouteComponent(() => import("../notifications/NotificationsScreen"), "NotificationsScreen") });
const notification = createRoute({ getParentRoute: () => root, path: "/notifications/$name", component: lazyRouteComponent(() => import("../notifications/NotificationScreen"), "NotificationScreen") });
const newNotification = createRoute({ getParentRoute: () => root, path: "/new/notification", component: lazyRouteComponent(() => import("../notifications/NotificationScreen"), "NewNotificationScreen") });
const connection = createRoute({ getParentRoute: () => root, path: "/connections/$name", component: lazyRouteComponent(() => import("../resource/ResourceScreen"), "ConnectionScreen") });
const account = createRoute({ getParentRoute: () => root, path: "/accounts/$name", component: lazyRouteComponent(() => import("../resource/ResourceScreen"), "AccountScreen") });
const newConnection = createRoute({ getParentRoute: () => root, path: "/new/connection", component: lazyRouteComponent(() => import("../resource/ResourceScreen"), "NewConnectionScreen") });
const newAccount = createRoute({ getParentRoute: () => root, path: "/new/account", component: lazyRouteComponent(() => import("../resource/ResourceScreen"), "NewAccountScreen") });
const suppression = createRoute({ getParentRoute: () => root, path: "/suppression", component: lazyRouteComponent(() => import("../admin/SuppressionScreen"), "SuppressionScreen") });
const approvals = createRoute({ getParentRoute: () => root, path: "/approvals", component: lazyRouteComponent(() => import("../admin/ApprovalsScreen"), "ApprovalsScreen") });
const sessions = createRoute({ getParentRoute: () => root, path: "/sessions", component: lazyRouteComponent(() => import("../admin/SessionsScreen"), "SessionsScreen") });

export const router = createRouter({
  routeTree: root.addChildren([imports, newImport, importRoute, edit, rejects, why, schedule, definition, topics, actions, verification, notifications, notification, newNotification, run, runRows, connections, accounts, connection, account, newConnection, newAccount, suppression, approvals, sessions, freezes, keys, audit, doctor]),
  basepath: basePath === "" ? "/" : basePath,
  scrollRestoration: true,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
