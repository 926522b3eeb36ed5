package snowflake

import (
	"context"
	"fmt"
	"os"
	"strings"
)

// drop runs DROP TABLE, VIEW, SCHEMA and DATABASE.
func (st *statement) drop(ctx context.Context) (*result, error) {
	if err := st.commitFirst(ctx); err != nil {
		return nil, err
	}
	defer st.s.catalog.touch()
	p := &nodeReader{in: st.nodes, i: 1}
	kind := p.peek().word()
	p.i++
	optional := p.accept("IF", "EXISTS")
	parts, err := p.path()
	if err != nil {
		return nil, err
	}
	text := "DROP " + kind + " "
	if optional {
		text += "IF EXISTS "
	}
	name := parts[len(parts)-1]
	switch kind {
	case "TABLE", "VIEW":
		full, err := st.full(parts)
		if err != nil {
			return nil, err
		}
		if _, found, exact := st.snap.find(full, "", ""); !optional && (!found || !exact) {
			return nil, notFound(kind[:1]+strings.ToLower(kind[1:]), dotted(parts))
		}
		text += quoted(full)
	case "SCHEMA":
		if len(parts) == 1 {
			parts = []string{st.ses.database, parts[0]}
		}
		text += quoted(parts) + " CASCADE"
		if st.ses.schema == name {
			if err := st.ses.use(ctx, st.ses.database, ""); err != nil {
				return nil, err
			}
		}
	case "DATABASE":
		return st.dropDatabase(ctx, name, optional)
	default:
		return nil, unsupported("DROP %s", kind)
	}
	if _, err := st.ses.conn.ExecContext(ctx, text); err != nil {
		return nil, err
	}
	return statusResult(typeDDL, name+" successfully dropped."), nil
}

func (st *statement) dropDatabase(ctx context.Context, name string, optional bool) (*result, error) {
	if _, ok := st.snap.databases[name]; !ok {
		if optional {
			return statusResult(typeDDL, "Drop statement executed successfully ("+name+" already dropped)."), nil
		}
		return nil, notFound("Database", name)
	}
	if st.ses.database == name {
		if err := st.ses.use(ctx, "", ""); err != nil {
			return nil, err
		}
	}
	if _, err := st.ses.conn.ExecContext(ctx, "DETACH "+sqlName(name)); err != nil {
		return nil, err
	}
	if file := st.s.databaseFile(name); file != "" {
		if err := os.Remove(file); err != nil && !os.IsNotExist(err) {
			return nil, fmt.Errorf("removing database file: %w", err)
		}
	}
	return statusResult(typeDDL, name+" successfully dropped."), nil
}
