package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"sort"
	"strings"

	"tapline.dev/sandbox/internal/snowflake/resultset"
	"tapline.dev/sandbox/internal/snowflake/sferr"
	"tapline.dev/sandbox/internal/snowflake/sftype"
	"tapline.dev/sandbox/internal/snowflake/sqltext"
)

// show runs the SHOW commands that people and drivers use.
func (st *statement) show(ctx context.Context) (*resultset.Result, error) {
	st.e.catalog.invalidate() // it holds sizes of tables, which change with every INSERT
	snap, err := st.e.catalog.read(ctx)
	if err != nil {
		return nil, err
	}
	st.snap = snap
	p := &sqltext.Reader{In: st.nodes, I: 1}
	p.Accept("TERSE")
	kind := p.Peek().Word()
	p.I++
	scope, err := st.scope(p, kind)
	if err != nil {
		return nil, err
	}
	if err := st.scopeExists(kind, scope); err != nil {
		return nil, err
	}
	switch kind {
	case "TABLES", "VIEWS", "OBJECTS":
		return st.showTables(kind, scope), nil
	case "COLUMNS":
		return st.showColumns(scope)
	case "DATABASES":
		return st.showDatabases(scope), nil
	case "SCHEMAS":
		return st.showSchemas(scope), nil
	case "WAREHOUSES":
		row := []*string{resultset.Cell(st.e.cfg.Warehouse), resultset.Cell("STARTED"), resultset.Cell("STANDARD"), resultset.Cell("X-Small"), resultset.Cell("true")}
		return resultset.TableResult(resultset.Show, []string{"name", "state", "type", "size", "auto_resume"}, [][]*string{row}), nil
	case "PARAMETERS":
		return st.showParameters(scope), nil
	case "GRANTS":
		return st.showGrants(), nil
	}
	return nil, sferr.Unsupported("SHOW %s", kind)
}

// showGrants lists the same grants for every role and user.
func (st *statement) showGrants() *resultset.Result {
	const since = "1970-01-01 00:00:00.000 +0000"
	rows := [][]*string{{resultset.Cell(since), resultset.Cell("USAGE"), resultset.Cell("ROLE"), resultset.Cell(st.ses.role), resultset.Cell("USER"), resultset.Cell(st.ses.user), resultset.Cell("false"), resultset.Cell("")}}
	for _, grant := range st.e.cfg.Grants {
		privilege, on, _ := strings.Cut(grant, " ON ")
		kind, name, _ := strings.Cut(on, " ")
		rows = append(rows, []*string{resultset.Cell(since), resultset.Cell(privilege), resultset.Cell(kind), resultset.Cell(name), resultset.Cell("ROLE"), resultset.Cell(st.ses.role), resultset.Cell("false"), resultset.Cell("")})
	}
	return resultset.TableResult(resultset.Show, []string{"created_on", "privilege", "granted_on", "name", "granted_to", "grantee_name", "grant_option", "granted_by"}, rows)
}

func (st *statement) tablesIn(scope showScope) []table {
	var out []table
	for _, t := range st.snap.tables {
		if (scope.database == "" || t.database == scope.database) && (scope.schema == "" || t.schema == scope.schema) {
			out = append(out, t)
		}
	}
	sort.Slice(out, func(i, k int) bool { return out[i].key() < out[k].key() })
	return out
}

func (st *statement) showTables(kind string, scope showScope) *resultset.Result {
	var rows [][]*string
	for _, t := range st.tablesIn(scope) {
		if kind == "TABLES" && t.view || kind == "VIEWS" && !t.view || !like(scope.pattern, t.name) {
			continue
		}
		label := map[bool]string{true: "VIEW", false: "TABLE"}[t.view]
		rows = append(rows, []*string{
			resultset.Cell("1970-01-01 00:00:00.000 +0000"), resultset.Cell(t.name), resultset.Cell(t.database), resultset.Cell(t.schema), resultset.Cell(label), resultset.Cell(t.comment), resultset.Cell(fmt.Sprint(t.rows)),
		})
	}
	return resultset.TableResult(resultset.Show, []string{"created_on", "name", "database_name", "schema_name", "kind", "comment", "rows"}, rows)
}

// showType is a type in the JSON of SHOW COLUMNS.
func showType(c sftype.Column) string {
	m := map[string]any{"type": c.Type.Logical, "nullable": c.Nullable}
	switch c.Type.Logical {
	case "FIXED":
		m["precision"], m["scale"] = c.Type.Precision, c.Type.Scale
	case "TEXT":
		m["length"], m["byteLength"], m["fixed"] = c.Type.Length, min(4*c.Type.Length, sftype.MaxText), false
	case "BINARY":
		m["length"], m["byteLength"], m["fixed"] = c.Type.Length, c.Type.Length, true
	case "TIME", "TIMESTAMP_NTZ", "TIMESTAMP_LTZ", "TIMESTAMP_TZ":
		m["precision"], m["scale"] = 0, c.Type.Scale
	}
	data, err := json.Marshal(m)
	if err != nil {
		return "{}"
	}
	return string(data)
}

func (st *statement) showColumns(scope showScope) (*resultset.Result, error) {
	var rows [][]*string
	found := false
	for _, t := range st.tablesIn(scope) {
		if scope.table != "" && t.name != scope.table {
			continue
		}
		found = true
		for _, c := range t.columns {
			if !like(scope.pattern, c.Name) {
				continue
			}
			rows = append(rows, []*string{
				resultset.Cell(t.name), resultset.Cell(t.schema), resultset.Cell(c.Name), resultset.Cell(showType(c)), resultset.Cell(fmt.Sprint(c.Nullable)), resultset.Cell(""), resultset.Cell("COLUMN"), resultset.Cell(""), resultset.Cell(""), resultset.Cell(t.database), resultset.Cell(""),
			})
		}
	}
	if scope.table != "" && !found {
		return nil, sferr.NotFound("Table", scope.table)
	}
	return resultset.TableResult(resultset.Show, []string{"table_name", "schema_name", "column_name", "data_type", "null?", "default", "kind", "expression", "comment", "database_name", "autoincrement"}, rows), nil
}

func (st *statement) showDatabases(scope showScope) *resultset.Result {
	var rows [][]*string
	for _, name := range sortedKeys(st.snap.databases) {
		if like(scope.pattern, name) {
			current := ""
			if name == st.ses.database {
				current = "Y"
			}
			rows = append(rows, []*string{resultset.Cell("1970-01-01 00:00:00.000 +0000"), resultset.Cell(name), resultset.Cell("N"), resultset.Cell(current)})
		}
	}
	return resultset.TableResult(resultset.Show, []string{"created_on", "name", "is_default", "is_current"}, rows)
}

func (st *statement) showSchemas(scope showScope) *resultset.Result {
	var rows [][]*string
	for _, database := range sortedKeys(st.snap.databases) {
		if scope.database != "" && database != scope.database {
			continue
		}
		for _, schema := range sortedKeys(st.snap.databases[database]) {
			if like(scope.pattern, schema) {
				rows = append(rows, []*string{resultset.Cell("1970-01-01 00:00:00.000 +0000"), resultset.Cell(schema), resultset.Cell(database)})
			}
		}
	}
	return resultset.TableResult(resultset.Show, []string{"created_on", "name", "database_name"}, rows)
}

// showParameters lists the parameters with the session's values, or, for a level, those that
// this level and the levels above it have set.
func (st *statement) showParameters(scope showScope) *resultset.Result {
	var rows [][]*string
	for _, p := range st.ses.ParamList() {
		if !like(scope.pattern, p.Name) {
			continue
		}
		value, level := st.ses.lookUp(p.Name)
		standard := st.e.parameters[p.Name].standard
		kind := "STRING"
		switch standard.(type) {
		case bool:
			kind = "BOOLEAN"
		case int:
			kind = "NUMBER"
		}
		rows = append(rows, []*string{
			resultset.Cell(p.Name), resultset.Cell(parameterText(value)), resultset.Cell(parameterText(standard)),
			resultset.Cell(level), resultset.Cell(""), resultset.Cell(kind),
		})
	}
	return resultset.TableResult(resultset.Show, []string{"key", "value", "default", "level", "description", "type"}, rows)
}

func parameterText(value any) string {
	if value == nil {
		return ""
	}
	return fmt.Sprint(value)
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}

// describe runs DESCRIBE TABLE and DESCRIBE VIEW.
func (st *statement) describe(_ context.Context) (*resultset.Result, error) {
	p := &sqltext.Reader{In: st.nodes, I: 1}
	if !p.Accept("TABLE") && !p.Accept("VIEW") && len(p.In) > 2 && p.In[2].IsName() {
		return nil, sferr.Unsupported("DESCRIBE %s", p.Peek().Word())
	}
	parts, err := p.Path()
	if err != nil {
		return nil, err
	}
	t, err := st.target(parts)
	if err != nil {
		return nil, err
	}
	var rows [][]*string
	for _, c := range t.columns {
		null := map[bool]string{true: "Y", false: "N"}[c.Nullable]
		rows = append(rows, []*string{resultset.Cell(c.Name), resultset.Cell(c.Type.SQLName()), resultset.Cell("COLUMN"), resultset.Cell(null), nil, resultset.Cell("N"), resultset.Cell("N"), nil, nil, nil, nil})
	}
	return resultset.TableResult(resultset.Show, []string{"name", "type", "kind", "null?", "default", "primary key", "unique key", "check", "expression", "comment", "policy name"}, rows), nil
}
