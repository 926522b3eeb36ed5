package engine

import (
	"context"
	"fmt"
	"os"
	"strings"

	"tapline.dev/sandbox/internal/snowflake/resultset"
	"tapline.dev/sandbox/internal/snowflake/sferr"
	"tapline.dev/sandbox/internal/snowflake/sqltext"
)

// drop runs DROP TABLE, VIEW, SCHEMA and DATABASE.
func (st *statement) drop(ctx context.Context) (*resultset.Result, error) {
	if err := st.commitFirst(ctx); err != nil {
		return nil, err
	}
	defer st.e.catalog.invalidate()
	p := &sqltext.Reader{In: st.nodes, I: 1}
	kind := p.Peek().Word()
	p.I++
	optional := p.Accept("IF", "EXISTS")
	parts, err := p.Path()
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
			return nil, sferr.NotFound(kind[:1]+strings.ToLower(kind[1:]), sqltext.Dotted(parts))
		}
		text += sqltext.Quoted(full)
	case "SCHEMA":
		if len(parts) == 1 {
			parts = []string{st.ses.database, parts[0]}
		}
		text += sqltext.Quoted(parts) + " CASCADE"
		if st.ses.schema == name {
			if err := st.ses.use(ctx, st.ses.database, ""); err != nil {
				return nil, err
			}
		}
	case "DATABASE":
		return st.dropDatabase(ctx, name, optional)
	default:
		return nil, sferr.Unsupported("DROP %s", kind)
	}
	if _, err := st.ses.conn.ExecContext(ctx, text); err != nil {
		return nil, err
	}
	return resultset.StatusResult(resultset.Definition, name+" successfully dropped."), nil
}

func (st *statement) dropDatabase(ctx context.Context, name string, optional bool) (*resultset.Result, error) {
	if _, ok := st.snap.databases[name]; !ok {
		if optional {
			return resultset.StatusResult(resultset.Definition, "Drop statement executed successfully ("+name+" already dropped)."), nil
		}
		return nil, sferr.NotFound("Database", name)
	}
	if st.ses.database == name {
		if err := st.ses.use(ctx, "", ""); err != nil {
			return nil, err
		}
	}
	if _, err := st.ses.conn.ExecContext(ctx, "DETACH "+sqltext.Identifier(name)); err != nil {
		return nil, err
	}
	if file := st.e.databaseFile(name); file != "" {
		if err := os.Remove(file); err != nil && !os.IsNotExist(err) {
			return nil, fmt.Errorf("removing database file: %w", err)
		}
	}
	return resultset.StatusResult(resultset.Definition, name+" successfully dropped."), nil
}
