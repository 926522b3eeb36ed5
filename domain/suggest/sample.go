package suggest

import (
	"encoding/json"
	"fmt"
	"strings"

	"tapline.dev/domain/mapping"
	"tapline.dev/schemas"
)

// samples are the values of each column that are not NULL, as JSON.
type samples map[string][]json.RawMessage

// maxValues bounds how many values of a column are tried.
const maxValues = 200

// enough is how many values must fit a property before it is suggested for a column whose
// name does not suggest it.
const enough = 5

func newSamples(columns []schemas.Column, rows []json.RawMessage) samples {
	known := map[string]bool{}
	for _, c := range columns {
		known[c.Name] = true
	}
	out := samples{}
	for _, row := range rows {
		var values map[string]json.RawMessage
		if json.Unmarshal(row, &values) != nil {
			continue // the row is too large to be shown, or missing
		}
		for name, value := range values {
			if known[name] && string(value) != "null" && len(out[name]) < maxValues {
				out[name] = append(out[name], value)
			}
		}
	}
	return out
}

// judge tries a suggested line on the column's values, with the real mapping. A text column
// whose values all fit a more specific property, such as Email, gets that property, unless
// another column has it by its name: named holds CleverTap's own properties that the names
// of columns suggest.
func judge(line Line, c schemas.Column, event bool, values []json.RawMessage, named map[string]bool) Line {
	if c.Type == "TEXT" {
		if better, ok := byValues(line, c, event, values, named); ok {
			return better
		}
	}
	fit := fitting(line.Property, c, event, values)
	if fit == len(values) {
		return line
	}
	line.Reason = strings.TrimPrefix(line.Reason+fmt.Sprintf("; %d of %d values fit", fit, len(values)), "; ")
	line.Sure = false
	return line
}

// byValues finds out from the values whether a text column holds dates in one of CleverTap's
// formats, e-mail addresses or telephone numbers. If two formats read a date differently,
// the suggestion is not sure.
func byValues(line Line, c schemas.Column, event bool, values []json.RawMessage, named map[string]bool) (Line, bool) {
	if dates, ok := asDate(line, c, event, values); ok {
		return dates, true
	}
	if event || systemTarget(folded(c.Name)) != "" {
		return line, false
	}
	for _, known := range []struct{ target, what string }{{"Email", "e-mail addresses"}, {"Phone", "telephone numbers"}} {
		if named[known.target] {
			continue
		}
		p := schemas.Property{From: c.Name, To: known.target}
		if fit := fitting(p, c, event, values); fit >= enough && fit*100 >= 95*len(values) {
			return Line{Property: p, Reason: fmt.Sprintf("%d of %d values are %s; no name says so", fit, len(values), known.what)}, true
		}
	}
	return line, false
}

func asDate(line Line, c schemas.Column, event bool, values []json.RawMessage) (Line, bool) {
	if to := systemTarget(folded(c.Name)); !event && to != "" && to != "DOB" {
		return line, false
	}
	var formats []string
	for _, format := range mapping.Formats() {
		p := schemas.Property{From: c.Name, To: line.Property.To, Type: "date", Format: format}
		// Most columns hold no dates: their first value tells.
		if fitting(p, c, event, values[:1]) == 1 && fitting(p, c, event, values) == len(values) {
			formats = append(formats, format)
		}
	}
	if len(formats) == 0 || len(values) < enough {
		return line, false
	}
	p := schemas.Property{From: c.Name, To: line.Property.To, Type: "date", Format: formats[0]}
	if len(formats) > 1 {
		return Line{Property: p, Reason: "all values are dates, but " + strings.Join(formats, " and ") + " read them differently: choose"}, true
	}
	return Line{Property: p, Reason: fmt.Sprintf("all %d values are %s", len(values), formats[0]), Sure: true}, true
}

// fitting counts the values that a property takes, mapped one by one beside an identity.
func fitting(p schemas.Property, c schemas.Column, event bool, values []json.RawMessage) int {
	identity := "IDENTITY"
	if strings.EqualFold(c.Name, identity) {
		identity = "OTHER"
	}
	spec := schemas.ImportSpec{
		Identity: schemas.Identity{Column: identity}, Mapping: []schemas.Property{p},
		Destination: schemas.Destination{AccountRef: "any", Type: schemas.TypeProfile},
	}
	if event {
		spec.Destination.Type, spec.Destination.Event = schemas.TypeEvent, &schemas.EventSpec{Name: "any"}
	}
	m, problems := mapping.Compile(spec, []schemas.Column{{Name: identity, Type: "TEXT"}, c}, mapping.Options{})
	if len(problems) > 0 {
		return 0
	}
	name, err := json.Marshal(c.Name)
	if err != nil {
		return 0
	}
	fit := 0
	for _, value := range values {
		row := fmt.Appendf(nil, `{"%s":"sample",%s:%s}`, identity, name, value)
		if _, rejects := m.Map(nil, row, 0); len(rejects) == 0 {
			fit++
		}
	}
	return fit
}
