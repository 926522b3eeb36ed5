package sftype

import (
	"strings"

	"tapline.dev/sandbox/internal/snowflake/sqltext"
)

// Column is a column of a table or of a result.
type Column struct {
	Name     string
	Type     Type
	Nullable bool
	// Stored is the name in DuckDB, if it differs.
	Stored string
}

// Identifier returns the column's quoted name in DuckDB.
func (c Column) Identifier() string {
	if c.Stored != "" {
		return sqltext.Identifier(c.Stored)
	}
	return sqltext.Identifier(c.Name)
}

// RowType returns the column's description in the answer to a query.
func (c Column) RowType() map[string]any {
	m := map[string]any{
		"name": c.Name, "type": strings.ToLower(c.Type.Logical), "nullable": c.Nullable,
		"database": "", "schema": "", "table": "",
		"precision": nil, "scale": nil, "length": nil, "byteLength": nil, "collation": nil,
	}
	switch c.Type.Logical {
	case "FIXED":
		m["precision"], m["scale"] = c.Type.Precision, c.Type.Scale
	case "TIME", "TIMESTAMP_NTZ", "TIMESTAMP_LTZ", "TIMESTAMP_TZ":
		m["precision"], m["scale"] = 0, c.Type.Scale
	case "TEXT":
		m["length"], m["byteLength"] = c.Type.Length, min(4*c.Type.Length, MaxText)
	case "BINARY":
		m["length"], m["byteLength"] = c.Type.Length, c.Type.Length
	case "GEOGRAPHY":
		m["type"], m["extTypeName"] = "object", "GEOGRAPHY"
	case "MAP":
		m["fields"] = elementFields(c.Type.Element)
	case "VECTOR":
		m["vectorDimension"], m["fields"] = c.Type.Length, []any{map[string]any{"type": map[string]string{"FLOAT": "real", "INT": "fixed"}[c.Type.Element], "nullable": false}}
	}
	return m
}

// elementFields describes the key and the value of a MAP.
func elementFields(element string) []any {
	nodes, err := sqltext.Parse(element)
	if err != nil {
		return nil
	}
	var out []any
	for _, item := range sqltext.SplitComma(nodes) {
		t, _, err := Parse(item)
		if err != nil {
			return nil
		}
		out = append(out, Column{Type: t, Nullable: true}.RowType())
	}
	return out
}
