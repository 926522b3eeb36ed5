package engine

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"tapline.dev/sandbox/internal/snowflake/sqltext"
)

// Load makes a table from a Parquet, CSV or NDJSON file, with the Snowflake types that
// are nearest to what the file holds. The name may be qualified; it replaces a table.
func (e *Engine) Load(ctx context.Context, name, file string) (err error) {
	reader, err := fileReader(file)
	if err != nil {
		return err
	}
	nodes, err := sqltext.Parse(name)
	if err != nil {
		return fmt.Errorf("reading table name: %w", err)
	}
	p := &sqltext.Reader{In: nodes}
	parts, err := p.Path()
	if err != nil || p.More() {
		return fmt.Errorf("table name %q is not a Snowflake name", name)
	}
	full := append([]string{fold(e.cfg.Database), fold(e.cfg.Schema)}[:max(0, 3-len(parts))], parts...)
	if len(parts) == 2 {
		full = append([]string{fold(e.cfg.Database)}, parts...)
	}
	if err := e.attach(ctx, full[0]); err != nil {
		return err
	}
	conn, err := e.db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("opening connection: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	defer e.catalog.touch()
	if _, err := conn.ExecContext(ctx, "CREATE SCHEMA IF NOT EXISTS "+sqltext.Quoted(full[:2])); err != nil {
		return fmt.Errorf("creating schema: %w", err)
	}
	list, err := loadColumns(ctx, conn, reader)
	if err != nil {
		return err
	}
	if _, err := conn.ExecContext(ctx, "CREATE OR REPLACE TABLE "+sqltext.Quoted(full)+" AS SELECT "+list+" FROM "+reader); err != nil {
		return fmt.Errorf("loading %s: %w", filepath.Base(file), err)
	}
	return nil
}

func fileReader(file string) (string, error) {
	lower := strings.TrimSuffix(strings.ToLower(file), ".gz")
	switch filepath.Ext(lower) {
	case ".parquet":
		return "read_parquet(" + sqltext.Literal(file) + ")", nil
	case ".csv", ".tsv", ".txt":
		return "read_csv(" + sqltext.Literal(file) + ")", nil
	case ".json", ".ndjson", ".jsonl":
		return "read_json(" + sqltext.Literal(file) + ", format = 'newline_delimited')", nil
	}
	return "", fmt.Errorf("%s: the file must be .parquet, .csv or .ndjson", filepath.Base(file))
}

// loadColumns selects the columns of a file as Snowflake types under folded names.
func loadColumns(ctx context.Context, conn *sql.Conn, reader string) (string, error) {
	rows, err := conn.QueryContext(ctx, "DESCRIBE SELECT * FROM "+reader)
	if err != nil {
		return "", fmt.Errorf("reading file: %w", err)
	}
	defer rows.Close()
	var list []string
	for rows.Next() {
		var name, duck string
		var null, key, def, extra sql.NullString
		if err := rows.Scan(&name, &duck, &null, &key, &def, &extra); err != nil {
			return "", fmt.Errorf("reading file: %w", err)
		}
		folded := strings.ToUpper(name)
		list = append(list, loadExpr(sqltext.Identifier(name), duck)+" AS "+sqltext.Identifier(folded))
	}
	return strings.Join(list, ", "), rows.Err()
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
