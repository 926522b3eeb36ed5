package engine

import (
	"strings"

	"tapline.dev/sandbox/internal/snowflake/sferr"
	"tapline.dev/sandbox/internal/snowflake/sqltext"
)

// showScope is what a SHOW command lists: its scope and its pattern.
type showScope struct {
	pattern          string
	database, schema string
	table            string
}

// scope reads [LIKE 'p'] [IN [ACCOUNT | DATABASE d | SCHEMA s | TABLE t | name]].
func (st *statement) scope(p *sqltext.Reader, kind string) (showScope, error) {
	out := showScope{database: st.ses.database, schema: st.ses.schema}
	for p.More() {
		switch {
		case p.Accept("LIKE"):
			out.pattern = p.Peek().Text
			p.I++
		case p.Accept("IN", "ACCOUNT"):
			out.database, out.schema = "", ""
		case p.Accept("IN", "DATABASE"):
			parts, err := p.Path()
			if err != nil {
				return out, err
			}
			out.database, out.schema = parts[0], ""
		case p.Accept("IN", "SESSION"), p.Accept("FOR", "SESSION"):
		case kind == "PARAMETERS" && (p.Accept("IN", "USER") || p.Accept("FOR", "USER")):
			p.I++
		case kind == "PARAMETERS" && (p.Accept("IN", "ACCOUNT") || p.Accept("FOR", "ACCOUNT")):
		case p.Accept("IN"), p.Accept("ON"), p.Accept("TO"):
			table := p.Accept("TABLE") || p.Accept("VIEW") || kind == "COLUMNS"
			p.Accept("SCHEMA")
			if kind == "GRANTS" {
				p.I = len(p.In)
				break
			}
			parts, err := p.Path()
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
			return out, sferr.Unsupported("SHOW with %s", p.Peek().Text)
		}
	}
	return out, nil
}

// scopeExists returns Snowflake's error of a SHOW whose IN names a database or schema
// that does not exist.
func (st *statement) scopeExists(kind string, scope showScope) error {
	switch kind {
	case "TABLES", "VIEWS", "OBJECTS", "COLUMNS", "SCHEMAS":
	default:
		return nil
	}
	schemas, ok := st.snap.databases[scope.database]
	named := scope.database != "" && scope.database != st.ses.database
	if named && !ok || ok && scope.schema != "" && scope.schema != st.ses.schema && !schemas[scope.schema] {
		return sferr.New("002043", "02000", "SQL compilation error:\nObject does not exist, or operation cannot be performed.")
	}
	return nil
}

// like matches a SHOW pattern. It has the wildcards % and _ and ignores case.
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
