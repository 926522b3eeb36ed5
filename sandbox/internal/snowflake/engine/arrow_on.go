//go:build duckdb_arrow

package engine

import (
	"context"
	"database/sql"
	"errors"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/duckdb/duckdb-go/v2"
)

const arrowBuilt = true

// queryArrow runs a query and calls add with each batch.
func queryArrow(ctx context.Context, conn *sql.Conn, text string, add func(arrow.RecordBatch) error) error {
	return conn.Raw(func(driverConn any) error {
		dc, ok := driverConn.(*duckdb.Conn)
		if !ok {
			return errors.New("not a connection to DuckDB")
		}
		a, err := duckdb.NewArrowFromConn(dc)
		if err != nil {
			return err
		}
		reader, err := a.QueryContext(ctx, text)
		if err != nil {
			return err
		}
		defer reader.Release()
		for reader.Next() {
			if err := add(reader.RecordBatch()); err != nil {
				return err
			}
		}
		return reader.Err()
	})
}
