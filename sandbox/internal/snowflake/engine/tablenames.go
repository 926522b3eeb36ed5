package engine

import (
	"tapline.dev/sandbox/internal/snowflake/rewrite"
	"tapline.dev/sandbox/internal/snowflake/sferr"
	"tapline.dev/sandbox/internal/snowflake/sqltext"
)

// full returns a table's name with its database and schema, by default the session's.
func (st *statement) full(parts []string) ([]string, error) {
	database, schema := st.ses.database, st.ses.schema
	switch len(parts) {
	case 1:
		parts = []string{database, schema, parts[0]}
	case 2:
		parts = []string{database, parts[0], parts[1]}
	case 3:
	default:
		return nil, sferr.Syntax("syntax error: a name has too many parts.")
	}
	if parts[0] == "" || parts[1] == "" {
		return nil, sferr.New("090105", "22000", "Cannot perform this operation. This session does not have a current database. Call 'USE DATABASE', or use a qualified name.")
	}
	return parts, nil
}

// target finds the table of a DML statement.
func (st *statement) target(parts []string) (table, error) {
	full, err := st.full(parts)
	if err != nil {
		return table{}, err
	}
	t, found, exact := st.snap.find(full, "", "")
	if !found || !exact {
		return table{}, sferr.NotFound("Table", sqltext.Dotted(parts))
	}
	return t, nil
}

// findTables finds the tables that the statement reads. It returns an error for tables that
// the catalogue does not have: DuckDB would also look into its system catalogues and for
// files of that name.
func (st *statement) findTables() error {
	found := rewrite.Relations{CTEs: map[string]bool{}}
	if err := found.Walk(st.nodes); err != nil {
		return err
	}
	for _, parts := range found.Names {
		if len(parts) == 1 && found.CTEs[parts[0]] {
			continue
		}
		if _, ok := st.informationSchema(parts); ok {
			continue
		}
		full, err := st.full(parts)
		if err != nil {
			return err
		}
		t, ok, exact := st.snap.find(full, "", "")
		if !ok || !exact {
			return sferr.NotFound("Object", sqltext.Dotted(parts))
		}
		st.tables = append(st.tables, t)
	}
	return nil
}

// columnsOf returns the names of a table's columns, none if there is no such table.
func (st *statement) columnsOf(parts []string) []string {
	t, err := st.target(parts)
	if err != nil {
		return nil
	}
	names := make([]string, len(t.columns))
	for i, c := range t.columns {
		names[i] = c.Name
	}
	return names
}
