package access

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Names are what a deployment calls the roles. The zero value calls them as Tapline
// does. What is stored holds Tapline's own names, so that renaming changes no record.
type Names struct{ own map[Role]string }

var namePattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]{0,39}$`)

// ParseNames reads what a deployment calls the roles, each as ROLE=NAME.
func ParseNames(texts []string) (Names, error) {
	names := Names{own: map[Role]string{}}
	for _, text := range texts {
		role, name, _ := strings.Cut(text, "=")
		r, err := ParseRole(role)
		if err != nil {
			return Names{}, fmt.Errorf("%q is not ROLE=NAME: %w", text, err)
		}
		if !namePattern.MatchString(name) {
			return Names{}, fmt.Errorf("%q: a name has letters, digits, dots, hyphens and underscores, begins with a letter and has 40 characters at most", text)
		}
		if _, twice := names.own[r]; twice {
			return Names{}, fmt.Errorf("%q names %s a second time", text, r)
		}
		// A name that another role bears, or has borne, would give a key or a person the other one.
		for _, other := range append([]Role{Anyone}, Roles()...) {
			if other != r && (strings.EqualFold(name, other.String()) || strings.EqualFold(name, names.own[other])) {
				return Names{}, fmt.Errorf("%q: %s is the name of another role", text, name)
			}
		}
		names.own[r] = name
	}
	return names, nil
}

// Of is what the deployment calls a role.
func (n Names) Of(r Role) string {
	if name, ok := n.own[r]; ok {
		return name
	}
	return r.String()
}

// Other is what the deployment calls a role if it has renamed it; "" if not.
func (n Names) Other(r Role) string {
	if n.own[r] == r.String() {
		return ""
	}
	return n.own[r]
}

// Parse reads a role by the deployment's name or by Tapline's own.
func (n Names) Parse(name string) (Role, error) {
	for _, r := range Roles() {
		if n.Of(r) == name || r.String() == name {
			return r, nil
		}
	}
	return Anyone, fmt.Errorf("%q is no role; the roles are %s", name, strings.Join(n.All(), ", "))
}

// All are the names of the roles, from the fewest rights to the most.
func (n Names) All() []string {
	var all []string
	for _, r := range Roles() {
		all = append(all, n.Of(r))
	}
	return all
}

// Renamed gives the deployment's name by Tapline's own, for the roles that it has renamed.
func (n Names) Renamed() map[string]string {
	renamed := map[string]string{}
	for r := range n.own {
		if name := n.Other(r); name != "" {
			renamed[r.String()] = name
		}
	}
	return renamed
}

// Accepted are all names by which a role can be given.
func (n Names) Accepted() []string {
	accepted := n.All()
	for _, r := range Roles() {
		if !slices.Contains(accepted, r.String()) {
			accepted = append(accepted, r.String())
		}
	}
	return accepted
}
