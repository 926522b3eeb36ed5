// Package access says who may do what: the roles, the one table of the API's
// routes and the role that each needs, and the caller that a request was proven
// to come from.
package access

import (
	"fmt"
	"strings"
)

// Role is what a caller may do. Each role includes the rights of those before it.
type Role int

// The roles, from the fewest rights to the most.
const (
	// Anyone has not proven who they are.
	Anyone Role = iota
	// Viewer sees definitions and runs, and no row.
	Viewer
	// Operator runs, cancels, pauses and approves, and sees no row.
	Operator
	// Analyst sees rows: previews of what is applied, samples and rejects.
	Analyst
	// Editor changes imports, and has free SQL described and previewed.
	Editor
	// Admin changes connections, accounts and keys, and reads the audit.
	Admin
)

var roleNames = []string{"anyone", "viewer", "operator", "analyst", "editor", "admin"}

// Roles are those that a key or a person can have.
func Roles() []Role { return []Role{Viewer, Operator, Analyst, Editor, Admin} }

// String is the role's name.
func (r Role) String() string {
	if r < Anyone || r > Admin {
		return "unknown"
	}
	return roleNames[r]
}

// ParseRole reads the name of a role that a key can have.
func ParseRole(name string) (Role, error) {
	for _, r := range Roles() {
		if r.String() == name {
			return r, nil
		}
	}
	return Anyone, fmt.Errorf("%q is no role; the roles are %s", name, strings.Join(roleNames[Viewer:], ", "))
}
