package engine

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"sync"

	"tapline.dev/sandbox/internal/snowflake/rewrite"
	"tapline.dev/sandbox/internal/snowflake/sftype"
	"tapline.dev/sandbox/internal/snowflake/sqltext"
)

// table is a table or view with its declared Snowflake types.
type table struct {
	database, schema, name string
	view                   bool
	columns                []sftype.Column
	rows                   int64
	comment                string
}

func (t table) key() string { return t.database + "\x00" + t.schema + "\x00" + t.name }

func (t table) sqlName() string {
	return sqltext.Identifier(t.database) + "." + sqltext.Identifier(t.schema) + "." + sqltext.Identifier(t.name)
}

func (t table) column(name string) (sftype.Column, bool) {
	for _, c := range t.columns {
		if c.Name == name {
			return c, true
		}
	}
	return sftype.Column{}, false
}

// catalog holds the tables of the attached databases with their Snowflake types. What
// DuckDB's type does not express (a length, OBJECT) is in the comment of the column.
type catalog struct {
	db    *sql.DB
	types sftype.DuckTypes

	mu           sync.Mutex
	fresh        bool
	reloadAlways bool // a test changes tables through its own connection, which the server does not see
	tables       map[string]table
	databases    map[string]map[string]bool // and their schemas
}

func newCatalog(db *sql.DB) *catalog { return &catalog{db: db, types: sftype.NewDuckTypes()} }

// invalidate makes the next reader load the catalogue again.
func (c *catalog) invalidate() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fresh = false
}

// reloadEachTime makes every read load the catalogue: from now on a test may change tables
// through its own connection.
func (c *catalog) reloadEachTime() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reloadAlways = true
}

type snapshot struct {
	tables    map[string]table
	databases map[string]map[string]bool
}

func (c *catalog) read(ctx context.Context) (snapshot, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.fresh || c.reloadAlways {
		if err := c.load(ctx); err != nil {
			return snapshot{}, fmt.Errorf("reading catalogue: %w", err)
		}
		c.fresh = true
	}
	return snapshot{c.tables, c.databases}, nil
}

func (c *catalog) load(ctx context.Context) error {
	c.tables, c.databases = map[string]table{}, map[string]map[string]bool{}
	if err := c.loadSchemas(ctx); err != nil {
		return err
	}
	if err := c.loadColumns(ctx); err != nil {
		return err
	}
	return c.loadSizes(ctx)
}

func (c *catalog) loadSchemas(ctx context.Context) error {
	rows, err := c.db.QueryContext(ctx, `SELECT database_name, schema_name FROM duckdb_schemas()
		WHERE database_name NOT IN ('memory', 'system', 'temp') AND schema_name NOT IN ('main', 'pg_catalog', 'information_schema')`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var database, schema string
		if err := rows.Scan(&database, &schema); err != nil {
			return err
		}
		if c.databases[database] == nil {
			c.databases[database] = map[string]bool{}
		}
		c.databases[database][schema] = true
	}
	return rows.Err()
}

func (c *catalog) loadColumns(ctx context.Context) error {
	rows, err := c.db.QueryContext(ctx, `SELECT database_name, schema_name, table_name, column_name, data_type, is_nullable, comment
		FROM duckdb_columns() WHERE NOT internal AND database_name NOT IN ('memory', 'system', 'temp')
		ORDER BY database_name, schema_name, table_name, column_index`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var t table
		var col sftype.Column
		var duck string
		var comment sql.NullString
		if err := rows.Scan(&t.database, &t.schema, &t.name, &col.Name, &duck, &col.Nullable, &comment); err != nil {
			return err
		}
		if name := rewrite.Unmarked(col.Name); name != col.Name {
			col.Name, col.Stored = name, col.Name
		}
		col.Type = c.declared(duck, comment.String)
		if have, ok := c.tables[t.key()]; ok {
			t = have
		}
		t.columns = append(t.columns, col)
		c.tables[t.key()] = t
	}
	return rows.Err()
}

func (c *catalog) declared(duck, comment string) sftype.Type {
	if nodes, err := sqltext.Parse(comment); err == nil && len(nodes) > 0 {
		if t, used, err := sftype.Parse(nodes); err == nil && used == len(nodes) && t.Duck() == duck {
			return t
		} else if err == nil && t.Logical == "TIMESTAMP_NTZ" && duck == "TIMESTAMP" {
			t.Wide = true
			return t
		}
	}
	t, ok := c.types.Parse(duck)
	if !ok {
		return sftype.Type{Logical: "UNSUPPORTED"}
	}
	return t
}

func (c *catalog) loadSizes(ctx context.Context) error {
	rows, err := c.db.QueryContext(ctx, `SELECT database_name, schema_name, table_name, estimated_size, false, comment FROM duckdb_tables()
		WHERE NOT internal UNION ALL SELECT database_name, schema_name, view_name, 0, true, comment FROM duckdb_views() WHERE NOT internal`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var t table
		var comment sql.NullString
		if err := rows.Scan(&t.database, &t.schema, &t.name, &t.rows, &t.view, &comment); err != nil {
			return err
		}
		if have, ok := c.tables[t.key()]; ok {
			have.rows, have.view, have.comment = t.rows, t.view, comment.String
			c.tables[t.key()] = have
		}
	}
	return rows.Err()
}

// find looks a table up by the parts of its name; exact is false if only the case differs.
func (s snapshot) find(parts []string, database, schema string) (t table, found, exact bool) {
	full := append([]string{}, parts...)
	switch len(full) {
	case 1:
		full = []string{database, schema, full[0]}
	case 2:
		full = append([]string{database}, full...)
	}
	if len(full) != 3 {
		return table{}, false, false
	}
	if t, ok := s.tables[table{database: full[0], schema: full[1], name: full[2]}.key()]; ok {
		return t, true, true
	}
	for _, t := range s.tables {
		if strings.EqualFold(t.database, full[0]) && strings.EqualFold(t.schema, full[1]) && strings.EqualFold(t.name, full[2]) {
			return t, true, false
		}
	}
	return table{}, false, false
}

// kinds maps the column names of the tables that a statement reads to their kinds. If two
// columns of one name have different kinds and one is an instant, both are compared as
// instants.
func (s snapshot) kinds(nodes []sqltext.Node) map[string]sqltext.ValueKind {
	named := map[string]bool{}
	collectNames(nodes, named)
	out := map[string]sqltext.ValueKind{}
	for _, t := range s.tables {
		if !named[t.name] {
			continue
		}
		for _, c := range t.columns {
			kind := c.Type.ValueKind()
			have, ok := out[c.Name]
			switch {
			case !ok || have == kind:
				out[c.Name] = kind
			case have == sqltext.ValueLTZ || have == sqltext.ValueTZ || kind == sqltext.ValueLTZ || kind == sqltext.ValueTZ:
				out[c.Name] = sqltext.ValueMixed
			case have == sqltext.ValueUnknown:
				out[c.Name] = kind
			default: // the kinds differ, so the kind of the name is unknown
				if _, _, isNumber := have.Number(); isNumber {
					out[c.Name] = sqltext.ValueUnknown
				}
			}
		}
	}
	return out
}

func collectNames(nodes []sqltext.Node, into map[string]bool) {
	for _, n := range nodes {
		if n.IsName() {
			into[n.Name()] = true
		}
		collectNames(n.Kids, into)
	}
}

// spelling returns how the names of a statement are written in DuckDB. The names of tables
// and columns are written as they are stored.
func (s snapshot) spelling(nodes []sqltext.Node) rewrite.Spelling {
	named := map[string]bool{}
	collectNames(nodes, named)
	stored := map[string]string{}
	for _, t := range s.tables {
		if !named[t.name] {
			continue
		}
		stored[t.database], stored[t.schema], stored[t.name] = t.database, t.schema, t.name
		for _, c := range t.columns {
			stored[c.Name] = c.Name
			if c.Stored != "" {
				stored[c.Name] = c.Stored
			}
		}
	}
	if named["FLATTEN"] {
		for _, name := range []string{"SEQ", "KEY", "PATH", "INDEX", "VALUE", "THIS"} {
			stored[name] = name
		}
	}
	return rewrite.NewSpelling(named, stored)
}
