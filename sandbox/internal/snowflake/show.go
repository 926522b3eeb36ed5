package snowflake

import (
	"context"
	"encoding/json"
	"fmt"
	"sort"
	"strings"
)

// shown is the scope and the pattern of a SHOW.
type shown struct {
	pattern          string
	database, schema string
	table            string
}

// show runs the SHOW commands that people and drivers use to look around.
func (st *statement) show(ctx context.Context) (*result, error) {
	st.s.catalog.touch() // the sizes of tables have changed since
	snap, err := st.s.catalog.read(ctx)
	if err != nil {
		return nil, err
	}
	st.snap = snap
	p := &nodeReader{in: st.nodes, i: 1}
	p.accept("TERSE")
	kind := p.peek().word()
	p.i++
	scope, err := st.scope(p, kind)
	if err != nil {
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
		row := []*string{text(st.s.cfg.Warehouse), text("STARTED"), text("STANDARD"), text("X-Small")}
		return tableResult(typeShow, []string{"name", "state", "type", "size"}, [][]*string{row}), nil
	case "PARAMETERS":
		return st.showParameters(scope), nil
	case "GRANTS":
		return st.showGrants(), nil
	}
	return nil, unsupported("SHOW %s", kind)
}

// showGrants lists the same grants for whoever is asked about.
func (st *statement) showGrants() *result {
	const since = "1970-01-01 00:00:00.000 +0000"
	rows := [][]*string{{text(since), text("USAGE"), text("ROLE"), text(st.ses.role), text("USER"), text(st.ses.user), text("false"), text("")}}
	for _, grant := range st.s.cfg.Grants {
		privilege, on, _ := strings.Cut(grant, " ON ")
		kind, name, _ := strings.Cut(on, " ")
		rows = append(rows, []*string{text(since), text(privilege), text(kind), text(name), text("ROLE"), text(st.ses.role), text("false"), text("")})
	}
	return tableResult(typeShow, []string{"created_on", "privilege", "granted_on", "name", "granted_to", "grantee_name", "grant_option", "granted_by"}, rows)
}

// scope reads [LIKE 'p'] [IN [ACCOUNT | DATABASE d | SCHEMA s | TABLE t | name]].
func (st *statement) scope(p *nodeReader, kind string) (shown, error) {
	out := shown{database: st.ses.database, schema: st.ses.schema}
	for p.more() {
		switch {
		case p.accept("LIKE"):
			out.pattern = p.peek().text
			p.i++
		case p.accept("IN", "ACCOUNT"):
			out.database, out.schema = "", ""
		case p.accept("IN", "DATABASE"):
			parts, err := p.path()
			if err != nil {
				return out, err
			}
			out.database, out.schema = parts[0], ""
		case p.accept("IN", "SESSION"), p.accept("FOR", "SESSION"):
		case p.accept("IN"), p.accept("ON"), p.accept("TO"):
			table := p.accept("TABLE") || p.accept("VIEW") || kind == "COLUMNS"
			p.accept("SCHEMA")
			if kind == "GRANTS" {
				p.i = len(p.in)
				break
			}
			parts, err := p.path()
			if err != nil {
				return out, err
			}
			if table {
				out.table = parts[len(parts)-1]
				parts = parts[:len(parts)-1]
			}
			if len(parts) > 0 {
				out.schema = parts[len(parts)-1]
			}
			if len(parts) > 1 {
				out.database = parts[0]
			}
		default:
			return out, unsupported("SHOW with %s", p.peek().text)
		}
	}
	return out, nil
}

// like matches a SHOW pattern, which knows % and _ and no case.
func like(pattern, name string) bool {
	if pattern == "" {
		return true
	}
	return likeRunes([]rune(strings.ToUpper(pattern)), []rune(strings.ToUpper(name)))
}

func likeRunes(p, s []rune) bool {
	if len(p) == 0 {
		return len(s) == 0
	}
	if p[0] == '%' {
		for i := range len(s) + 1 {
			if likeRunes(p[1:], s[i:]) {
				return true
			}
		}
		return false
	}
	return len(s) > 0 && (p[0] == '_' || p[0] == s[0]) && likeRunes(p[1:], s[1:])
}

func (st *statement) tablesIn(scope shown) []table {
	var out []table
	for _, t := range st.snap.tables {
		if (scope.database == "" || t.database == scope.database) && (scope.schema == "" || t.schema == scope.schema) {
			out = append(out, t)
		}
	}
	sort.Slice(out, func(i, k int) bool { return out[i].key() < out[k].key() })
	return out
}

func (st *statement) showTables(kind string, scope shown) *result {
	var rows [][]*string
	for _, t := range st.tablesIn(scope) {
		if kind == "TABLES" && t.view || kind == "VIEWS" && !t.view || !like(scope.pattern, t.name) {
			continue
		}
		label := map[bool]string{true: "VIEW", false: "TABLE"}[t.view]
		rows = append(rows, []*string{
			text("1970-01-01 00:00:00.000 +0000"), text(t.name), text(t.database), text(t.schema), text(label), text(""), text(fmt.Sprint(t.rows)),
		})
	}
	return tableResult(typeShow, []string{"created_on", "name", "database_name", "schema_name", "kind", "comment", "rows"}, rows)
}

// showType is a type in the JSON of SHOW COLUMNS.
func showType(c column) string {
	m := map[string]any{"type": c.Type.Logical, "nullable": c.Nullable}
	switch c.Type.Logical {
	case "FIXED":
		m["precision"], m["scale"] = c.Type.Precision, c.Type.Scale
	case "TEXT":
		m["length"], m["byteLength"], m["fixed"] = c.Type.Length, min(4*c.Type.Length, maxText), false
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

func (st *statement) showColumns(scope shown) (*result, error) {
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
				text(t.name), text(t.schema), text(c.Name), text(showType(c)), text(fmt.Sprint(c.Nullable)), text(""), text("COLUMN"), text(""), text(""), text(t.database), text(""),
			})
		}
	}
	if scope.table != "" && !found {
		return nil, notFound("Table", scope.table)
	}
	return tableResult(typeShow, []string{"table_name", "schema_name", "column_name", "data_type", "null?", "default", "kind", "expression", "comment", "database_name", "autoincrement"}, rows), nil
}

func (st *statement) showDatabases(scope shown) *result {
	var rows [][]*string
	for _, name := range sortedKeys(st.snap.databases) {
		if like(scope.pattern, name) {
			current := ""
			if name == st.ses.database {
				current = "Y"
			}
			rows = append(rows, []*string{text("1970-01-01 00:00:00.000 +0000"), text(name), text("N"), text(current)})
		}
	}
	return tableResult(typeShow, []string{"created_on", "name", "is_default", "is_current"}, rows)
}

func (st *statement) showSchemas(scope shown) *result {
	var rows [][]*string
	for _, database := range sortedKeys(st.snap.databases) {
		if scope.database != "" && database != scope.database {
			continue
		}
		for _, schema := range sortedKeys(st.snap.databases[database]) {
			if like(scope.pattern, schema) {
				rows = append(rows, []*string{text("1970-01-01 00:00:00.000 +0000"), text(schema), text(database)})
			}
		}
	}
	return tableResult(typeShow, []string{"created_on", "name", "database_name"}, rows)
}

func (st *statement) showParameters(scope shown) *result {
	var rows [][]*string
	params := st.ses.paramList()
	sort.Slice(params, func(i, k int) bool { return params[i].Name < params[k].Name })
	defaults := defaultParams()
	for _, p := range params {
		if like(scope.pattern, p.Name) {
			rows = append(rows, []*string{text(p.Name), text(fmt.Sprint(p.Value)), text(fmt.Sprint(defaults[p.Name])), text("SESSION")})
		}
	}
	return tableResult(typeShow, []string{"key", "value", "default", "level"}, rows)
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
func (st *statement) describe(_ context.Context) (*result, error) {
	p := &nodeReader{in: st.nodes, i: 1}
	if !p.accept("TABLE") && !p.accept("VIEW") && len(p.in) > 2 && p.in[2].isName() {
		return nil, unsupported("DESCRIBE %s", p.peek().word())
	}
	parts, err := p.path()
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
		rows = append(rows, []*string{text(c.Name), text(c.Type.sqlName()), text("COLUMN"), text(null), nil, text("N"), text("N"), nil, nil, nil, nil})
	}
	return tableResult(typeShow, []string{"name", "type", "kind", "null?", "default", "primary key", "unique key", "check", "expression", "comment", "policy name"}, rows), nil
}
