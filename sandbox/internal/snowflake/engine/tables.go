package engine

import (
	"context"
	"fmt"
	"sort"
)

// Table is a table or view for people who inspect the sandbox.
type Table struct {
	Name    string // database, schema and name
	Rows    int64
	Columns []string // "NAME TYPE"
}

// Tables lists all tables and views, by name.
func (e *Engine) Tables(ctx context.Context) ([]Table, error) {
	e.catalog.invalidate() // it holds sizes of tables, which change with every INSERT
	snap, err := e.catalog.read(ctx)
	if err != nil {
		return nil, err
	}
	var out []Table
	for _, t := range snap.tables {
		info := Table{Name: t.database + "." + t.schema + "." + t.name}
		if err := e.db.QueryRowContext(ctx, "SELECT count(*) FROM "+t.sqlName()).Scan(&info.Rows); err != nil {
			return nil, fmt.Errorf("counting rows: %w", err)
		}
		for _, c := range t.columns {
			info.Columns = append(info.Columns, c.Name+" "+c.Type.SQLName())
		}
		out = append(out, info)
	}
	sort.Slice(out, func(i, k int) bool { return out[i].Name < out[k].Name })
	return out, nil
}
