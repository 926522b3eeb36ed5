package engine

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"

	"github.com/duckdb/duckdb-go/v2"

	"tapline.dev/sandbox/internal/snowflake/sftype"
	"tapline.dev/sandbox/internal/snowflake/sqltext"
	"tapline.dev/sandbox/internal/tablefile"
)

// staging is the table for the texts of a file and their line numbers until they are
// converted.
const staging = "memory.main.loaded_texts"

// texts loads a CSV or NDJSON file: first as texts, then converted to the types that hold
// all values.
func (l *load) texts(ctx context.Context, file string) error {
	rows, err := tablefile.Open(file)
	if err != nil {
		return err
	}
	columns, count, err := tablefile.Describe(rows)
	if err != nil {
		return err
	}
	if count == 0 {
		return errors.New("the file has no rows")
	}
	sources := make([]source, len(columns))
	for i, c := range columns {
		t, ok := l.given[c.Name]
		if !ok {
			nodes, err := sqltext.Parse(c.Type)
			if err != nil {
				return err
			}
			if t, _, err = sftype.Parse(nodes); err != nil {
				return err
			}
		}
		expression := fmt.Sprintf("c%d", i)
		if t.ValueKind() == sqltext.ValueVariant { // the text is JSON
			sources[i] = source{sftype.Column{Name: c.Name, Type: t, Nullable: true}, "CAST(" + expression + " AS JSON)", "TRY_CAST(" + expression + " AS JSON)"}
			continue
		}
		if sources[i], err = l.source(c.Name, expression, t); err != nil {
			return err
		}
	}
	if err := l.unknown(sources); err != nil {
		return err
	}
	defer func() { _, _ = l.conn.ExecContext(ctx, "DROP TABLE IF EXISTS "+staging) }() // replaced by the next load otherwise
	if err := l.stage(ctx, rows, sources); err != nil {
		return err
	}
	if err := l.create(ctx, sources, staging); err != nil {
		return errors.Join(l.firstUnconvertible(ctx, sources), err)
	}
	return nil
}

func (l *load) stage(ctx context.Context, rows tablefile.Rows, sources []source) error {
	defs := []string{"line BIGINT"}
	for i := range sources {
		defs = append(defs, fmt.Sprintf("c%d VARCHAR", i))
	}
	if _, err := l.conn.ExecContext(ctx, "CREATE OR REPLACE TABLE "+staging+" ("+strings.Join(defs, ", ")+")"); err != nil {
		return fmt.Errorf("staging rows: %w", err)
	}
	return l.conn.Raw(func(driverConn any) error {
		conn, ok := driverConn.(driver.Conn)
		if !ok {
			return errors.New("not a connection to DuckDB")
		}
		appender, err := duckdb.NewAppender(conn, "memory", "main", "loaded_texts")
		if err != nil {
			return fmt.Errorf("staging rows: %w", err)
		}
		record := make([]driver.Value, len(sources)+1)
		err = rows.Each(func(line int, cells []*string) error {
			record[0] = int64(line)
			for i, cell := range cells {
				record[i+1] = nil
				switch {
				case cell == nil:
				case sources[i].column.Type.ValueKind() == sqltext.ValueVariant:
					record[i+1] = *cell
				default:
					record[i+1] = tablefile.Plain(rows, *cell)
				}
			}
			return appender.AppendRow(record...)
		})
		return errors.Join(err, appender.Close())
	})
}

// firstUnconvertible names the first line and column that cannot be converted.
func (l *load) firstUnconvertible(ctx context.Context, sources []source) error {
	for i, s := range sources {
		var line int64
		query := fmt.Sprintf("SELECT line FROM %s WHERE c%d IS NOT NULL AND (%s) IS NULL ORDER BY line LIMIT 1", staging, i, s.tolerant)
		if err := l.conn.QueryRowContext(ctx, query).Scan(&line); err == nil {
			return fmt.Errorf("line %d, column %s: the value is not a %s", line, s.column.Name, s.column.Type.SQLName())
		}
	}
	return nil
}
