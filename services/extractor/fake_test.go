package extractor

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/snowflake"
	"tapline.dev/services/extractor/internal/statement"
)

// dbRow is a row of the fake's table.
type dbRow struct {
	id    int64
	email string
	at    string // an instant, "" for NULL
}

// warehouse is a fake of Snowflake: a table with ID, EMAIL and AT.
type warehouse struct {
	mu         sync.Mutex
	clock      time.Time
	columns    []schemas.Column
	rows       []dbRow
	chunkRows  int
	extraTotal int64 // added to what the result says it has
	results    map[string]*fakeResult
	statements []statement.Statement
	cancelled  []string
	aborted    int
	deaf       bool    // no abort reaches it
	silenced   []int64 // sessions whose statements were cancelled
	left       int
	tags       []snowflake.Tag

	onOpen  func(n int) error                                           // n-th sign-in
	onQuery func(ctx context.Context, id string, on func(string)) error // before the result is there
	onChunk func(ctx context.Context, i int) error
	opened  int
	wide    int // columns of the tables that it lists
}

func newWarehouse(rows ...dbRow) *warehouse {
	return &warehouse{
		clock: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC), rows: rows, chunkRows: 3, results: map[string]*fakeResult{},
		columns: []schemas.Column{
			{Name: "ID", Type: "FIXED", Precision: 38}, {Name: "EMAIL", Type: "TEXT"},
			{Name: "AT", Type: "TIMESTAMP_NTZ", Scale: 9, Nullable: true},
		},
	}
}

func (w *warehouse) open(ctx context.Context, _ schemas.SnowflakeConnectionSpec, tag snowflake.Tag) (source, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.opened++
	w.tags = append(w.tags, tag)
	if w.onOpen != nil {
		if err := w.onOpen(w.opened); err != nil {
			return nil, err
		}
	}
	return &fakeSource{w: w, id: int64(w.opened)}, ctx.Err()
}

type fakeSource struct {
	w        *warehouse
	id       int64
	left     bool
	stranded bool
	ran      int // statements since TakeUse
}

// TakeUse says that each statement has taken a second, as Measure does.
func (s *fakeSource) TakeUse() schemas.SnowflakeUse {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	u := schemas.SnowflakeUse{ExecutionSeconds: float64(s.ran)}
	s.ran = 0
	return u
}

// Statement says that each statement of the fake is queued.
func (s *fakeSource) Statement() *schemas.Statement {
	return &schemas.Statement{QueryID: "01-fake", Since: s.w.clock, Queued: true, QueueSeconds: 7}
}

func (s *fakeSource) Measure(context.Context, string) {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	s.ran++
}

func (s *fakeSource) ID() int64 { return s.id }

func (s *fakeSource) MayStillRun() bool {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	return s.stranded
}

func (s *fakeSource) Tag(snowflake.Tag) {}

func (s *fakeSource) CancelSession(_ context.Context, id int64) error {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	s.w.silenced = append(s.w.silenced, id)
	return nil
}

func (s *fakeSource) Clock(context.Context) (time.Time, error) { return s.w.clock, nil }

func (s *fakeSource) Describe(context.Context, string) ([]schemas.Column, error) {
	return slices.Clone(s.w.columns), nil
}

func (s *fakeSource) Query(ctx context.Context, stmt statement.Statement, onID func(string)) (result, error) {
	w := s.w
	w.mu.Lock()
	w.statements = append(w.statements, stmt)
	s.ran++
	id := fmt.Sprintf("01b-%d", len(w.statements))
	r := &fakeResult{w: w, id: id, rows: w.window(stmt), sample: strings.Contains(stmt.SQL, statement.TotalAlias)}
	w.results[id] = r
	onQuery := w.onQuery
	w.mu.Unlock()
	if onQuery != nil {
		if err := onQuery(ctx, id, onID); err != nil {
			w.mu.Lock()
			defer w.mu.Unlock()
			switch {
			case ctx.Err() == nil || s.left:
			case w.deaf:
				s.stranded = true
			default:
				w.aborted++
				delete(w.results, id)
			}
			return nil, err
		}
	}
	return r, nil
}

// window returns the rows that the statement selects, in its order.
func (w *warehouse) window(stmt statement.Statement) []dbRow {
	var out []dbRow
	if _, list, ok := strings.Cut(stmt.SQL, ` WHERE src."ID" IN (`); ok {
		list, _, _ = strings.Cut(list, ")")
		ids := strings.Split(list, ", ")
		for _, r := range w.rows {
			if slices.Contains(ids, strconv.FormatInt(r.id, 10)) {
				out = append(out, r)
			}
		}
		slices.SortStableFunc(out, func(a, b dbRow) int { return strings.Compare(a.at, b.at) })
		if _, limit, ok := strings.Cut(stmt.SQL, "DESC NULLS LAST LIMIT "); ok {
			slices.Reverse(out)
			n, _ := strconv.Atoi(limit)
			out = out[:min(n, len(out))]
		}
		return out
	}
	backfill := len(stmt.Args) == 2 || len(stmt.Args) == 4
	within := func(r dbRow) bool { return r.at != "" && r.at >= stmt.Args[0] && r.at < stmt.Args[1] }
	newer := func(r dbRow) bool { // of an identity that has a row in the window
		return len(stmt.Args) == 4 && r.at >= stmt.Args[0] &&
			slices.ContainsFunc(w.rows, func(other dbRow) bool { return other.id == r.id && within(other) })
	}
	for _, r := range w.rows {
		switch {
		case len(stmt.Args) == 0,
			r.at == "" && !backfill,
			!backfill && r.at >= stmt.Args[0],
			backfill && (within(r) || newer(r)):
			out = append(out, r)
		}
	}
	if strings.Contains(stmt.SQL, "ORDER BY") {
		slices.SortStableFunc(out, func(a, b dbRow) int { return strings.Compare(a.at, b.at) })
	}
	if _, limit, ok := strings.Cut(stmt.SQL, "LIMIT "); ok {
		if n, err := strconv.Atoi(limit); err == nil {
			out = out[:min(n, len(out))]
		}
	}
	return out
}

func (s *fakeSource) Attach(_ context.Context, id string) (result, error) {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	r, ok := s.w.results[id]
	if !ok {
		return nil, &snowflake.Error{Code: snowflake.CodeResultLost, Reason: "gone"}
	}
	return r, nil
}

func (s *fakeSource) Cancel(_ context.Context, id string) error {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	s.w.cancelled = append(s.w.cancelled, id)
	return nil
}

func (s *fakeSource) SessionFacts(context.Context) (schemas.ConnectionTest, error) {
	return schemas.ConnectionTest{User: "TAPLINE", Role: "READER", Privileges: []string{"INSERT on TABLE SHOP.PUBLIC.T"}}, nil
}

func (s *fakeSource) Tables(_ context.Context, q schemas.TablesQuery) (schemas.TableList, error) {
	out := schemas.TableList{}
	for i := range q.Rows {
		columns := make([]schemas.TableColumn, s.w.wide)
		out.Items = append(out.Items, schemas.Table{TablePlace: schemas.TablePlace{Database: q.Database, Schema: "PUBLIC", Name: fmt.Sprintf("T%d", i)}, Kind: "TABLE", Columns: columns})
	}
	return out, nil
}

func (s *fakeSource) KeepStatement() {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	s.left = true
	s.w.left++
}

func (s *fakeSource) Close() {}

type fakeResult struct {
	w    *warehouse
	id   string
	rows []dbRow

	sample bool // which version it is, and how many rows there are, stands behind each
}

func (r *fakeResult) QueryID() string { return r.id }
func (r *fakeResult) Columns() []schemas.Column {
	if r.sample {
		return append(slices.Clone(r.w.columns), schemas.Column{Name: statement.VersionAlias, Type: "FIXED", Precision: 18},
			schemas.Column{Name: statement.TotalAlias, Type: "FIXED", Precision: 18})
	}
	return r.w.columns
}
func (r *fakeResult) Total() int64 { return int64(len(r.rows)) + r.w.extraTotal }
func (r *fakeResult) Chunks() int  { return (len(r.rows) + r.w.chunkRows - 1) / r.w.chunkRows }

func (r *fakeResult) Chunk(ctx context.Context, i int) ([]byte, error) {
	r.w.mu.Lock()
	onChunk := r.w.onChunk
	r.w.mu.Unlock()
	if onChunk != nil {
		if err := onChunk(ctx, i); err != nil {
			return nil, err
		}
	}
	var all []dbRow
	if r.sample {
		all = r.w.rows
	}
	return encodeSample(r.rows[i*r.w.chunkRows:min((i+1)*r.w.chunkRows, len(r.rows))], all), nil
}

func encode(rows []dbRow) []byte { return encodeSample(rows, nil) }

// encodeSample encodes the rows of a sample; all are the rows that it was drawn from, which
// determine its extra columns.
func encodeSample(rows, all []dbRow) []byte {
	pool := memory.NewGoAllocator()
	ids, emails, ats := array.NewInt64Builder(pool), array.NewStringBuilder(pool), array.NewInt64Builder(pool)
	for _, r := range rows {
		ids.Append(r.id)
		emails.Append(r.email)
		if t, err := schemas.ParseInstant(r.at); err == nil {
			ats.Append(t.UnixNano())
		} else {
			ats.AppendNull()
		}
	}
	cols, names := []arrow.Array{ids.NewArray(), emails.NewArray(), ats.NewArray()}, []string{"ID", "EMAIL", "AT"}
	if all != nil {
		version, total := array.NewInt64Builder(pool), array.NewInt64Builder(pool)
		for _, r := range rows {
			newer := int64(0)
			for _, other := range all {
				if other.id == r.id && other.at > r.at {
					newer++
				}
			}
			version.Append(1 + newer)
			total.Append(int64(len(all)))
		}
		cols, names = append(cols, version.NewArray(), total.NewArray()), append(names, statement.VersionAlias, statement.TotalAlias)
	}
	var fields []arrow.Field
	for i, c := range names {
		fields = append(fields, arrow.Field{Name: c, Type: cols[i].DataType(), Nullable: true})
	}
	schema := arrow.NewSchema(fields, nil)
	var buf bytes.Buffer
	writer := ipc.NewWriter(&buf, ipc.WithSchema(schema))
	if err := writer.Write(array.NewRecordBatch(schema, cols, int64(len(rows)))); err != nil {
		panic(err)
	}
	if err := writer.Close(); err != nil {
		panic(err)
	}
	return buf.Bytes()
}
