package engine

import (
	"fmt"
	"strings"

	"tapline.dev/sandbox/internal/snowflake/sqltext"
)

// informationSchema is a relation of INFORMATION_SCHEMA as a query with its rows:
// TABLES, COLUMNS and SCHEMATA with the columns that are most in use.
func (st *statement) informationSchema(parts []string) (string, bool) {
	n := len(parts)
	if n < 2 || n > 3 || parts[n-2] != "INFORMATION_SCHEMA" {
		return "", false
	}
	database := st.ses.database
	if n == 3 {
		database = parts[0]
	}
	if _, ok := st.snap.databases[database]; !ok {
		return "", false
	}
	switch parts[n-1] {
	case "TABLES":
		return st.tablesRelation(database), true
	case "COLUMNS":
		return st.columnsRelation(database), true
	case "SCHEMATA":
		var rows [][]string
		for _, schema := range sortedKeys(st.snap.databases[database]) {
			rows = append(rows, []string{sqltext.Literal(database), sqltext.Literal(schema)})
		}
		return relation([]string{"CATALOG_NAME VARCHAR", "SCHEMA_NAME VARCHAR"}, rows), true
	}
	return "", false
}

func (st *statement) tablesRelation(database string) string {
	var rows [][]string
	for _, t := range st.tablesIn(showScope{database: database}) {
		kind, count := "BASE TABLE", fmt.Sprintf("(SELECT count(*) FROM %s)", t.sqlName())
		if t.view {
			kind, count = "VIEW", "NULL"
		}
		rows = append(rows, []string{sqltext.Literal(t.database), sqltext.Literal(t.schema), sqltext.Literal(t.name), sqltext.Literal(kind), count, sqltext.Literal(t.comment)})
	}
	return relation([]string{"TABLE_CATALOG VARCHAR", "TABLE_SCHEMA VARCHAR", "TABLE_NAME VARCHAR", "TABLE_TYPE VARCHAR", "ROW_COUNT DECIMAL(38,0)", "COMMENT VARCHAR"}, rows)
}

func (st *statement) columnsRelation(database string) string {
	var rows [][]string
	for _, t := range st.tablesIn(showScope{database: database}) {
		for i, c := range t.columns {
			name, _, _ := strings.Cut(c.Type.SQLName(), "(")
			if name == "VARCHAR" {
				name = "TEXT"
			}
			null := map[bool]string{true: "YES", false: "NO"}[c.Nullable]
			precision, scale := "NULL", "NULL"
			if c.Type.Logical == "FIXED" {
				precision, scale = fmt.Sprint(c.Type.Precision), fmt.Sprint(c.Type.Scale)
			}
			rows = append(rows, []string{
				sqltext.Literal(t.database), sqltext.Literal(t.schema), sqltext.Literal(t.name), sqltext.Literal(c.Name),
				fmt.Sprint(i + 1), sqltext.Literal(null), sqltext.Literal(name), precision, scale,
			})
		}
	}
	return relation([]string{
		"TABLE_CATALOG VARCHAR", "TABLE_SCHEMA VARCHAR", "TABLE_NAME VARCHAR", "COLUMN_NAME VARCHAR", "ORDINAL_POSITION DECIMAL(9,0)",
		"IS_NULLABLE VARCHAR", "DATA_TYPE VARCHAR", "NUMERIC_PRECISION DECIMAL(9,0)", "NUMERIC_SCALE DECIMAL(9,0)",
	}, rows)
}

// relation returns a query with these rows, of which there may be none.
func relation(columns []string, rows [][]string) string {
	selects := make([]string, 0, len(rows)+1)
	cells := make([]string, len(columns))
	for i, c := range columns {
		name, typ, _ := strings.Cut(c, " ")
		cells[i] = fmt.Sprintf("CAST(NULL AS %s) AS %s", typ, sqltext.Identifier(name))
	}
	selects = append(selects, "SELECT "+strings.Join(cells, ", ")+" WHERE false")
	for _, row := range rows {
		selects = append(selects, "SELECT "+strings.Join(row, ", "))
	}
	return "(" + strings.Join(selects, " UNION ALL ") + ")"
}

// onlyTable returns the columns of the table that the statement reads, and false unless it
// reads exactly one.
func (st *statement) onlyTable() ([]string, bool) {
	if len(st.tables) != 1 {
		return nil, false
	}
	names := make([]string, len(st.tables[0].columns))
	for i, c := range st.tables[0].columns {
		names[i] = c.Name
	}
	return names, true
}
