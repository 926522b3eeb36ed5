package api

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"tapline.dev/domain/definition"
	"tapline.dev/domain/mapping"
	"tapline.dev/schemas"
)

// use is a property that an import writes.
type use struct {
	importName, name string
	typ              string // "" if only the query's columns tell
}

// uses are the properties that imports write to the profiles of an account, under "",
// and to each of its events, under the event's name folded.
type uses map[string][]use

// ofNames warns of what an account's imports together do to its names.
func (h *handlers) ofNames(ctx context.Context, account string, imports []schemas.Definition) []PlanWarning {
	written, events := uses{}, []use{}
	for _, d := range imports {
		group := ""
		if e := d.Spec.Destination.Event; e != nil {
			if e.Name == "" {
				continue // the rows name their events
			}
			group = fold(e.Name)
			events = append(events, use{importName: d.Metadata.Name, name: e.Name})
		}
		m, problems := mapping.CompileContext(ctx, d.Spec, nil, h.options(&definition.Set{}, account))
		if len(problems) > 0 {
			continue
		}
		for _, p := range m.Properties() {
			written[group] = append(written[group], use{d.Metadata.Name, p.Property, p.Type})
		}
	}
	out := alike("events", events)
	if n := len(folded(events)); n > maxEventTypes {
		out = append(out, PlanWarning{Code: warnEventTypes, Imports: importsOf(events), Text: fmt.Sprintf(
			"the imports of the account write %d events; CleverTap takes %d event types, its own included", n, maxEventTypes)})
	}
	for _, group := range slices.Sorted(maps.Keys(written)) {
		of := "profile properties"
		if group != "" {
			of = "properties of the event " + eventOf(events, group)
		}
		out = append(out, typesDiffer(of, written[group])...)
		out = append(out, alike(of, written[group])...)
	}
	return append(out, h.tooMany(account, events, written)...)
}

// tooMany warns of more properties than CleverTap takes, counted over all imports.
func (h *handlers) tooMany(account string, events []use, written uses) (out []PlanWarning) {
	limit := h.account(account).WithDefaults().MaxEventProperties
	for _, group := range slices.Sorted(maps.Keys(written)) {
		own := slices.DeleteFunc(slices.Clone(written[group]), func(u use) bool { return group == "" && mapping.IsSystemProperty(u.name) })
		names := map[string]bool{}
		for _, u := range own {
			names[u.name] = true
		}
		switch {
		case group == "" && len(names) > maxProfileProperties:
			out = append(out, PlanWarning{Code: warnProfileProperties, Imports: importsOf(own), Text: fmt.Sprintf(
				"the imports of the account write %d properties of profiles; CleverTap takes %d of one's own", len(names), maxProfileProperties)})
		case group != "" && len(names) > limit:
			out = append(out, PlanWarning{Code: warnEventProperties, Imports: importsOf(own), Text: fmt.Sprintf(
				"the imports of the account write %d properties of the event %s; the account takes %d", len(names), eventOf(events, group), limit)})
		}
	}
	return out
}

// typesDiffer warns of a property that imports write with different types: CleverTap
// keeps the first type and may drop values of another.
func typesDiffer(of string, written []use) (out []PlanWarning) {
	types := map[string]map[string][]use{}
	for _, u := range written {
		if u.typ == "" {
			continue
		}
		if types[u.name] == nil {
			types[u.name] = map[string][]use{}
		}
		types[u.name][u.typ] = append(types[u.name][u.typ], u)
	}
	for _, name := range slices.Sorted(maps.Keys(types)) {
		if len(types[name]) < 2 {
			continue
		}
		var parts []string
		var all []use
		for _, typ := range slices.Sorted(maps.Keys(types[name])) {
			parts = append(parts, strings.Join(importsOf(types[name][typ]), ", ")+" as "+typ)
			all = append(all, types[name][typ]...)
		}
		out = append(out, PlanWarning{Code: warnTypes, Imports: importsOf(all), Text: fmt.Sprintf(
			"%s: %q is written by %s; CleverTap may drop what has another type than the first", of, name, strings.Join(parts, ", by "))})
	}
	return out
}

// alike warns of names that differ in case and blanks only.
func alike(of string, written []use) (out []PlanWarning) {
	byFold := folded(written)
	for _, key := range slices.Sorted(maps.Keys(byFold)) {
		names := map[string]bool{}
		for _, u := range byFold[key] {
			names[u.name] = true
		}
		if len(names) < 2 {
			continue
		}
		what := "CleverTap keeps them apart"
		if of == "events" {
			what = "for CleverTap they are one event"
		}
		quoted := slices.Sorted(maps.Keys(names))
		for i := range quoted {
			quoted[i] = fmt.Sprintf("%q", quoted[i])
		}
		out = append(out, PlanWarning{Code: warnAlike, Imports: importsOf(byFold[key]), Text: fmt.Sprintf(
			"%s: %s (of %s) differ in case and blanks only; %s", of, strings.Join(quoted, " and "), strings.Join(importsOf(byFold[key]), ", "), what)})
	}
	return out
}

func folded(written []use) map[string][]use {
	out := map[string][]use{}
	for _, u := range written {
		out[fold(u.name)] = append(out[fold(u.name)], u)
	}
	return out
}

// fold is a name without its case and blanks.
func fold(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, name)
}

func importsOf(written []use) []string {
	var names []string
	for _, u := range written {
		names = append(names, u.importName)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// eventOf is an event's name as an import writes it.
func eventOf(events []use, key string) string {
	at := slices.IndexFunc(events, func(u use) bool { return fold(u.name) == key })
	return events[at].name
}
