//go:build !duckdb_arrow

package engine

import (
	"context"
	"database/sql"
	"errors"

	"github.com/apache/arrow-go/v18/arrow"
)

const arrowBuilt = false

// queryArrow needs DuckDB's Arrow interface; New refuses to start without it.
func queryArrow(context.Context, *sql.Conn, string, func(arrow.RecordBatch) error) error {
	return errors.New("built without -tags duckdb_arrow")
}
