package plan

import (
	"fmt"

	"tapline.dev/schemas"
)

// RowSchema describes the attempt's rows for readers of the rows topic. clock is
// the run's T in UTC.
//
// held are the columns whose values are never placeholders; all others may hold one,
// and years beyond 9999. nil holds none.
func RowSchema(importName string, a schemas.ActiveRun, held []bool, columns []schemas.Column, clock string) schemas.RowSchema {
	properties := map[string]any{}
	required := []string{}
	for i, c := range columns {
		properties[c.Name] = columnSchema(c, i < len(held) && held[i])
		required = append(required, c.Name)
	}
	return schemas.RowSchema{
		Import: importName, Run: a.Run, Number: a.Number, Attempt: a.Attempt, Columns: columns, Clock: clock,
		Schema: map[string]any{
			"$schema":              "https://json-schema.org/draft/2020-12/schema",
			"title":                importName,
			"type":                 "object",
			"properties":           properties,
			"required":             required,
			"additionalProperties": false,
		},
	}
}

func columnSchema(c schemas.Column, held bool) map[string]any {
	s := map[string]any{"description": c.Type}
	var types []string
	switch c.Type {
	case "FIXED":
		types = []string{"number"}
		if c.Scale == 0 {
			types = []string{"integer"}
		}
		s["description"] = fmt.Sprintf("NUMBER(%d,%d), every digit", c.Precision, c.Scale)
	case "REAL":
		types = []string{"number", "string"}
		s["description"] = "FLOAT; NaN and the infinities are strings"
	case "BOOLEAN":
		types = []string{"boolean"}
	case "DATE":
		types = []string{"string"}
		if held {
			s["format"] = "date"
		}
	case "TIMESTAMP_LTZ", "TIMESTAMP_TZ":
		types = []string{"string"}
		if held {
			s["format"] = "date-time"
		}
	case "TIMESTAMP_NTZ":
		types, s["pattern"] = []string{"string"}, yearPattern(held)+`-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}$`
	case "TIME":
		types, s["pattern"] = []string{"string"}, `^\d\d:\d\d:\d\d\.\d{9}$`
	case "BINARY":
		types, s["pattern"] = []string{"string"}, `^([0-9A-F]{2})*$`
	case "VARIANT", "OBJECT", "ARRAY", "GEOGRAPHY", "GEOMETRY", "MAP", "VECTOR":
		return s // any JSON
	case "DECFLOAT":
		types = []string{"number"}
	default:
		types = []string{"string"}
	}
	if !held {
		types = append(types, "object") // a placeholder
	}
	if c.Nullable {
		types = append(types, "null")
	}
	if len(types) == 1 {
		s["type"] = types[0]
	} else {
		s["type"] = types
	}
	return s
}

func yearPattern(held bool) string {
	if held {
		return `^\d{4}`
	}
	return `^([+-]\d{4,}|\d{4})`
}
