package importcenter

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/access"
	"tapline.dev/services/importcenter/internal/signin"
)

// groups are what the values of the claim give.
func (c OIDCConfig) groups(names access.Names) ([]signin.Group, error) {
	groups, err := c.roles(names)
	if err != nil {
		return nil, err
	}
	return c.bounded(groups)
}

func (c OIDCConfig) roles(names access.Names) ([]signin.Group, error) {
	var groups []signin.Group
	for _, text := range c.Roles {
		value, name, _ := strings.Cut(text, "=")
		role, err := names.Parse(name)
		if err != nil {
			return nil, fmt.Errorf("%q is not VALUE=ROLE: %w", text, err)
		}
		if slices.ContainsFunc(groups, func(g signin.Group) bool { return g.Value == value }) {
			return nil, fmt.Errorf("%q gives a second role to %s", text, value)
		}
		groups = append(groups, signin.Group{Value: value, Role: role})
	}
	if len(groups) == 0 {
		return nil, errors.New("must give at least one value of the claim a role, such as tapline-admins=admin")
	}
	return groups, nil
}

// bounded puts the selectors to the groups. One that could not be read, or that names no
// group, is an error: its people would reach every import.
func (c OIDCConfig) bounded(groups []signin.Group) ([]signin.Group, error) {
	groups = slices.Clone(groups)
	for _, text := range c.Selectors {
		value, rule, _ := strings.Cut(text, "=")
		at := slices.IndexFunc(groups, func(g signin.Group) bool { return g.Value == value })
		if at < 0 {
			return nil, fmt.Errorf("%q bounds %q, which has no role in roles", text, value)
		}
		s := groups[at].Selector
		if s == nil {
			s = &schemas.Selector{}
			groups[at].Selector = s
		}
		kind, what, _ := strings.Cut(rule, ":")
		key, label, labelled := strings.Cut(what, "=")
		switch _, err := path.Match(what, ""); {
		case kind == "name" && what != "" && err == nil:
			s.Names = append(s.Names, what)
		case kind == "label" && labelled && key != "" && label != "" && s.Labels[key] == "":
			if s.Labels == nil {
				s.Labels = map[string]string{}
			}
			s.Labels[key] = label
		default:
			return nil, fmt.Errorf("%q is not VALUE=name:PATTERN or VALUE=label:KEY=VALUE, or asks for a label twice", text)
		}
	}
	return groups, nil
}
