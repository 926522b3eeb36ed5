package engine

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"tapline.dev/sandbox/internal/snowflake/rewrite"
	"tapline.dev/sandbox/internal/snowflake/sftype"
	"tapline.dev/sandbox/internal/snowflake/sqltext"
	"tapline.dev/sandbox/internal/snowflake/values"
	"tapline.dev/sandbox/internal/tablefile"
)

// load is the state of creating one table from a file.
type load struct {
	e     *Engine
	conn  *sql.Conn
	full  []string               // database, schema and name
	given map[string]sftype.Type // the types that the caller wants
	rw    *rewrite.Rewriter
}

// Load creates a table from a Parquet, CSV or NDJSON file. It replaces a table of that name. The
// name may be qualified, and followed by types for some of its columns: T(ID VARCHAR).
func (e *Engine) Load(ctx context.Context, name, file string) (err error) {
	l, err := e.newLoad(name)
	if err != nil {
		return err
	}
	if err := e.attach(ctx, l.full[0]); err != nil {
		return err
	}
	if l.conn, err = e.db.Conn(ctx); err != nil {
		return fmt.Errorf("opening connection: %w", err)
	}
	defer func() { err = errors.Join(err, l.conn.Close()) }()
	defer e.catalog.invalidate()
	if _, err := l.conn.ExecContext(ctx, "CREATE SCHEMA IF NOT EXISTS "+sqltext.Quoted(l.full[:2])); err != nil {
		return fmt.Errorf("creating schema: %w", err)
	}
	switch {
	case tablefile.Handles(file):
		err = l.texts(ctx, file)
	case strings.EqualFold(filepath.Ext(file), ".parquet"):
		err = l.parquet(ctx, file)
	default:
		err = errors.New("the file must be .parquet, .csv, .tsv or .ndjson")
	}
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(file), err)
	}
	return nil
}

func (e *Engine) newLoad(name string) (*load, error) {
	nodes, err := sqltext.Parse(name)
	if err != nil {
		return nil, fmt.Errorf("reading table name: %w", err)
	}
	p := &sqltext.Reader{In: nodes}
	parts, err := p.Path()
	if err != nil || len(parts) > 3 {
		return nil, fmt.Errorf("table name %q is not a Snowflake name", name)
	}
	l := &load{e: e, given: map[string]sftype.Type{}, rw: rewrite.New(&rewrite.Env{
		Settings: values.Settings{Zone: "UTC"}, Functions: e.functions,
	})}
	l.full = append([]string{unquotedUpper(e.cfg.Database), unquotedUpper(e.cfg.Schema)}[:3-len(parts)], parts...)
	if group := p.Peek(); p.More() && group.Kind == sqltext.KindGroup {
		p.I++
		for _, item := range sqltext.SplitComma(group.Kids) {
			if len(item) < 2 || !item[0].IsName() {
				return nil, fmt.Errorf("table name %q: the types are COLUMN TYPE, …", name)
			}
			t, used, err := sftype.Parse(item[1:])
			if err != nil || used != len(item)-1 {
				return nil, fmt.Errorf("table name %q: column %s has no Snowflake type", name, item[0].Name())
			}
			l.given[item[0].Name()] = t
		}
	}
	if p.More() {
		return nil, fmt.Errorf("table name %q is not a Snowflake name", name)
	}
	return l, nil
}

// source is a column that is loaded: its expression, and the same expression with NULL for
// values that cannot be converted.
type source struct {
	column            sftype.Column
	convert, tolerant string
}

// source converts an expression to the given type of a column, or to another if it has none.
func (l *load) source(name, expression string, t sftype.Type) (source, error) {
	x, err := l.rw.Cast(sqltext.Raw(expression), t, false)
	if err != nil {
		return source{}, err
	}
	y, err := l.rw.Cast(sqltext.Raw(expression), t, true)
	if err != nil {
		return source{}, err
	}
	return source{sftype.Column{Name: name, Type: t, Nullable: true}, sqltext.Emit([]sqltext.Node{x}), sqltext.Emit([]sqltext.Node{y})}, nil
}

// unknown returns an error if types are given for columns that the file does not have.
func (l *load) unknown(have []source) error {
	for name := range l.given {
		found := false
		for _, s := range have {
			found = found || s.column.Name == name
		}
		if !found {
			return fmt.Errorf("there is no column %s to give a type", name)
		}
	}
	return nil
}

// create makes the table and keeps the declared types.
func (l *load) create(ctx context.Context, sources []source, from string) error {
	list, columns := make([]string, len(sources)), make([]sftype.Column, len(sources))
	for i, s := range sources {
		list[i] = s.convert + " AS " + sqltext.Identifier(s.column.Name)
		columns[i] = s.column
	}
	if _, err := l.conn.ExecContext(ctx, "CREATE OR REPLACE TABLE "+sqltext.Quoted(l.full)+" AS SELECT "+strings.Join(list, ", ")+" FROM "+from); err != nil {
		return l.e.Translate(err)
	}
	return l.e.comment(ctx, l.conn, l.full, columns)
}

func (l *load) parquet(ctx context.Context, file string) error {
	from := "read_parquet(" + sqltext.Literal(file) + ")"
	rows, err := l.conn.QueryContext(ctx, "DESCRIBE SELECT * FROM "+from)
	if err != nil {
		return fmt.Errorf("reading file: %w", err)
	}
	defer rows.Close()
	var sources []source
	for rows.Next() {
		var name, duck string
		var null, key, def, extra sql.NullString
		if err := rows.Scan(&name, &duck, &null, &key, &def, &extra); err != nil {
			return fmt.Errorf("reading file: %w", err)
		}
		folded, expression := strings.ToUpper(name), loadExpr(sqltext.Identifier(name), duck)
		s := source{column: sftype.Column{Name: folded, Nullable: true}, convert: expression}
		if t, ok := l.given[folded]; ok {
			if s, err = l.source(folded, expression, t); err != nil {
				return err
			}
		}
		sources = append(sources, s)
	}
	if err := errors.Join(rows.Err(), l.unknown(sources)); err != nil {
		return err
	}
	return l.create(ctx, sources, from)
}

// loadExpr converts a column of a file to the type a Snowflake table would have.
func loadExpr(name, duck string) string {
	switch {
	case duck == "TINYINT", duck == "SMALLINT", duck == "INTEGER", duck == "BIGINT", duck == "HUGEINT",
		duck == "UTINYINT", duck == "USMALLINT", duck == "UINTEGER", duck == "UBIGINT":
		return "CAST(" + name + " AS DECIMAL(38,0))"
	case duck == "FLOAT":
		return "CAST(" + name + " AS DOUBLE)"
	case duck == "TIMESTAMP WITH TIME ZONE":
		return fmt.Sprintf("struct_pack(LTZ_EPOCH := CAST(floor(epoch_us(%[1]s) / 1000000) AS BIGINT), "+
			"LTZ_FRACTION := CAST((((epoch_us(%[1]s) %% 1000000) + 1000000) %% 1000000) * 1000 AS INTEGER))", name)
	case duck == "TIME":
		return "CAST(" + name + " AS TIME_NS)"
	case duck == "UUID", strings.HasPrefix(duck, "ENUM"):
		return "CAST(" + name + " AS VARCHAR)"
	case strings.HasPrefix(duck, "STRUCT"), strings.HasPrefix(duck, "MAP"), strings.HasSuffix(duck, "]"):
		return "to_json(" + name + ")"
	}
	return name
}
