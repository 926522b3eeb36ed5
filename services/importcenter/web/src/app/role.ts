import { useQuery } from "@tanstack/react-query";

import { callerQuery } from "../api/queries";

/** Each role may do what those before it may. */
export const roles = ["viewer", "operator", "analyst", "editor", "admin"] as const;

export type Role = (typeof roles)[number];

/** atLeast tells whether a role includes another. */
export function atLeast(role: string, least: Role): boolean {
  return roles.indexOf(role as Role) >= roles.indexOf(least);
}

/** useRoleName names roles as the deployment does. */
export function useRoleName(): (role: string) => string {
  const names = useQuery(callerQuery).data?.roleNames;
  return (role) => names?.[role] ?? role;
}

/** useMay tells whether the caller has this role, or one that includes it. The API refuses the others in any case. */
export function useMay(least: Role): boolean {
  const role = useQuery(callerQuery).data?.role;
  return role !== undefined && atLeast(role, least);
}
