package snowflake

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/snowflakedb/gosnowflake"

	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/rowjson"
	"tapline.dev/services/extractor/internal/statement"
)

// Clock is Snowflake's own time.
func (s *Session) Clock(ctx context.Context) (time.Time, error) {
	token, err := s.scalar(ctx, `SELECT CURRENT_TIMESTAMP() AS "T"`)
	if err != nil {
		return time.Time{}, fmt.Errorf("reading Snowflake's clock: %w", err)
	}
	t, err := time.Parse(`"`+time.RFC3339Nano+`"`, token)
	if err != nil {
		return time.Time{}, fmt.Errorf("reading Snowflake's clock: the answer is not an instant")
	}
	return t, nil
}

// Cancel ends a statement by its query id, from this session.
func (s *Session) Cancel(ctx context.Context, queryID string) error {
	if !isQueryID(queryID) {
		return fmt.Errorf("cancelling a statement: that is not a query id")
	}
	if _, err := s.scalar(ctx, `SELECT SYSTEM$CANCEL_QUERY('`+queryID+`') AS "R"`); err != nil {
		return fmt.Errorf("cancelling a statement: %w", err)
	}
	return nil
}

// CancelSession ends what another session runs, by that session's id.
func (s *Session) CancelSession(ctx context.Context, id int64) error {
	if _, err := s.scalar(ctx, `SELECT SYSTEM$CANCEL_ALL_QUERIES(`+strconv.FormatInt(id, 10)+`) AS "R"`); err != nil {
		return fmt.Errorf("cancelling a session's statements: %w", err)
	}
	return nil
}

// scalar is the JSON token of a result of one value.
func (s *Session) scalar(ctx context.Context, sql string) (string, error) {
	r, err := s.run(ctx, statement.Statement{SQL: sql}, nil)
	if err != nil {
		return "", err
	}
	if r.Chunks() != 1 || len(r.columns) != 1 {
		return "", fmt.Errorf("the answer is not one value")
	}
	chunk, err := r.Chunk(ctx, 0)
	if err != nil {
		return "", err
	}
	d, err := rowjson.NewDecoder(r.columns, 1)
	if err != nil {
		return "", err
	}
	var token string
	_, err = d.Rows(chunk, func(row *rowjson.Row) (bool, error) {
		token = string(row.Value(0))
		return false, nil
	})
	return token, err
}

// Describe returns the columns that a query would have, without running it.
func (s *Session) Describe(ctx context.Context, sql string) ([]schemas.Column, error) {
	loader, err := s.arrow.QueryArrowStream(gosnowflake.WithDescribeOnly(s.tagged(ctx)), sql)
	if err != nil {
		return nil, s.translate(ctx, "describing the query", err)
	}
	return columnsOf(loader), nil
}

// Query runs a statement and returns once its result is complete. When
// Snowflake names the query, which for a long statement is earlier, onID is
// called, if it is not nil. Cancelling ctx aborts the statement, unless KeepStatement
// was called. What the statement takes is added up for TakeUse.
func (s *Session) Query(ctx context.Context, stmt statement.Statement, onID func(queryID string)) (*Result, error) {
	began := time.Now()
	named, end := s.watch(context.WithoutCancel(ctx))
	r, err := s.run(ctx, stmt, func(id string) {
		named(id)
		if onID != nil {
			onID(id)
		}
	})
	end(time.Since(began), err == nil)
	return r, err
}

// run is Query without its measuring.
func (s *Session) run(ctx context.Context, stmt statement.Statement, onID func(queryID string)) (*Result, error) {
	var args []driver.NamedValue
	for i, a := range stmt.Args {
		args = append(args, driver.NamedValue{Ordinal: i + 1, Value: a})
	}
	ids := make(chan string, 1) // the driver sends once, or not at all when it gets no answer
	returned := make(chan struct{})
	known := make(chan string, 1)
	go func() {
		var id string
		select {
		case id = <-ids:
		case <-returned:
			select {
			case id = <-ids:
			default:
			}
		}
		if onID != nil && id != "" {
			onID(id)
		}
		known <- id
	}()
	loader, err := s.arrow.QueryArrowStream(gosnowflake.WithQueryIDChan(ctx, ids), stmt.SQL, args...)
	close(returned)
	queryID := <-known
	if err != nil {
		return nil, s.translate(ctx, "running the query", err)
	}
	return s.result(loader, queryID)
}

// Attach takes up the result of a statement that an earlier session ran.
//
// The driver can fetch a result by id only through an interface that converts
// numbers, so the transport asks for the result in place of the query that the
// driver believes to send; the answers have the same form.
func (s *Session) Attach(ctx context.Context, queryID string) (*Result, error) {
	if !isQueryID(queryID) {
		return nil, &Error{Code: CodeResultLost, Reason: "the query id of the earlier attempt is not one"}
	}
	loader, err := s.arrow.QueryArrowStream(withAttach(ctx, queryID), "SELECT 1")
	if err != nil {
		err := s.translate(ctx, "taking up the result", err)
		if e := new(Error); errors.As(err, &e) && e.Number != 0 && e.Code != CodeUnreachable && e.Code != CodeAuth {
			return nil, &Error{Code: CodeResultLost, Number: e.Number, Reason: "Snowflake no longer has the result of the statement " + queryID}
		}
		return nil, err
	}
	return s.result(loader, queryID)
}

func (s *Session) result(loader gosnowflake.ArrowStreamLoader, queryID string) (*Result, error) {
	batches, err := loader.GetBatches()
	if err != nil {
		return nil, &Error{Code: CodeUnreadable, Reason: "the result's first rows cannot be read"}
	}
	r := &Result{cfg: s.cfg, loader: loader, queryID: queryID, columns: columnsOf(loader), total: loader.TotalRows(), chunks: len(batches)}
	if r.total > 0 && r.chunks == 0 {
		return nil, &Error{Code: CodeUnreadable, Permanent: true, Reason: "Snowflake gives this result in a form other than Arrow; wrap the statement as a SELECT"}
	}
	return r, nil
}

// translate makes a driver's error one of ours, unless ctx ended.
func (s *Session) translate(ctx context.Context, doing string, err error) error {
	if ctx.Err() != nil {
		if !s.transport.aborted.Load() && !s.transport.keep.Load() {
			s.mayStillRun.Store(true)
		}
		return context.Cause(ctx)
	}
	return translate(doing, err)
}

func columnsOf(loader gosnowflake.ArrowStreamLoader) []schemas.Column {
	var out []schemas.Column
	for _, t := range loader.RowTypes() {
		out = append(out, schemas.Column{
			Name: t.Name, Type: strings.ToUpper(t.Type),
			Precision: int(t.Precision), Scale: int(t.Scale), Nullable: t.Nullable,
		})
	}
	return out
}

func isQueryID(id string) bool {
	for _, c := range id {
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '-' && c != '_' {
			return false
		}
	}
	return id != ""
}
