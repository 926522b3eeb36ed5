package plan

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
)

// What is done to a field.
const (
	Add    = "add"
	Edit   = "change"
	Remove = "remove"
)

// Field is one difference between a definition as it is applied and as it will be.
type Field struct {
	Op     string          `json:"op" enum:"add,change,remove"`
	Path   string          `json:"path" doc:"Such as spec.source.query; the lines of a mapping stand under the names of their properties"`
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
}

// Fields are the differences of a change, in the order of their paths.
func Fields(c Change) []Field {
	var before, after any // nil of what is not there: each field is added, or removed
	if c.Before != nil {
		before = body(c.Before)
	}
	switch {
	case c.Outcome == Removed:
	case c.Import != nil:
		after = body(importBody(*c.Import))
	default:
		after = body(resourceBody(*c.Resource))
	}
	return compare(nil, "", before, after)
}

// body is what a record says of a definition, without what applying adds to it.
func body(raw json.RawMessage) map[string]any {
	all, _ := decoded(raw).(map[string]any)
	out := map[string]any{}
	for _, key := range []string{"metadata", "spec", "managedBy"} {
		if v, ok := all[key]; ok {
			out[key] = v
		}
	}
	return out
}

func compare(found []Field, path string, before, after any) []Field {
	a, b := children(before), children(after)
	switch {
	case b != nil && empty(before):
		before = nil
	case a != nil && empty(after):
		after = nil
	}
	if a == nil && b == nil || before != nil && after != nil && (a == nil || b == nil) {
		return compareValues(found, path, before, after)
	}
	keys := map[string]bool{}
	for key := range a {
		keys[key] = true
	}
	for key := range b {
		keys[key] = true
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		at := key
		if path != "" && key[0] != '[' {
			at = "." + key
		}
		found = compare(found, path+at, a[key], b[key])
	}
	return found
}

// empty reports whether a value is an object or a list without anything in it.
func empty(v any) bool {
	switch v := v.(type) {
	case map[string]any:
		return len(v) == 0
	case []any:
		return len(v) == 0
	}
	return false
}

// children are the parts of an object, or of a list whose items have names; nil of
// everything else, and of what is empty.
func children(v any) map[string]any {
	switch v := v.(type) {
	case map[string]any:
		if len(v) > 0 {
			return v
		}
	case []any:
		return items(v)
	}
	return nil
}

// items are those of a list by name: the lines of a mapping have the names of their
// properties, everything else has its place.
func items(list []any) map[string]any {
	if len(list) == 0 {
		return nil
	}
	out := map[string]any{}
	for i, item := range list {
		object, ok := item.(map[string]any)
		if !ok {
			return nil // a list of plain values changes as a whole
		}
		name, _ := object["to"].(string)
		if name == "" {
			name, _ = object["from"].(string)
		}
		key := "[" + name + "]"
		if _, taken := out[key]; name == "" || taken {
			key = "[" + strconv.Itoa(i) + "]"
		}
		out[key] = item
	}
	return out
}

func compareValues(found []Field, path string, before, after any) []Field {
	a, b := text(before), text(after)
	switch {
	case bytes.Equal(a, b), before == nil && empty(after), after == nil && empty(before):
		return found
	case before == nil:
		return append(found, Field{Op: Add, Path: path, After: b})
	case after == nil:
		return append(found, Field{Op: Remove, Path: path, Before: a})
	}
	return append(found, Field{Op: Edit, Path: path, Before: a, After: b})
}

func text(v any) json.RawMessage {
	if v == nil {
		return nil
	}
	return encoded(true, v)
}
