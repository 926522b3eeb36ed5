package extractor

import (
	"context"
	"encoding/hex"
	"fmt"
	"log/slog"
	"time"

	"tapline.dev/domain/mapping"
	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/ledger"
	"tapline.dev/services/extractor/internal/statement"
)

// plan is what the definition says about reading, checked.
type plan struct {
	source *statement.Source
	reader *reader // once the columns are known
}

// reader is how the rows of a result are understood.
type reader struct {
	columns  []schemas.Column // of the result, a hidden cursor last
	visible  int
	cursor   *statement.Cursor // nil without one
	identity int
	mapped   []int // columns that a fingerprint covers
	total    int   // index of the column with the size of what a sample is drawn from; 0 without one
	hash     [16]byte
}

func (t *term) plan() (*plan, error) {
	if t.testsConnection() {
		return &plan{}, nil
	}
	source, err := statement.Parse(t.active.Spec.Source)
	if err != nil {
		return nil, fail(codeQueryRefused, "%s", err)
	}
	return &plan{source: source}, nil
}

// begin runs the attempt's statement and reports it before its first row.
func (t *term) begin(src source, p *plan) (result, error) {
	ctx := t.reading
	// The clock comes before the snapshot: what commits in between is simply read.
	now, err := src.Clock(ctx)
	if err != nil {
		return nil, err
	}
	columns, err := t.describe(src, p)
	if err != nil {
		return nil, err
	}
	if p.reader, err = t.understand(p, columns, now); err != nil {
		return nil, err
	}
	if err := t.sameFrame(p.reader.cursor); err != nil {
		return nil, err
	}
	late, counts, err := t.lookForLate(src, p)
	if err != nil {
		return nil, err
	}
	stmt, err := t.statement(p, columns)
	if err != nil {
		return nil, err
	}
	started := schemas.Started{Clock: schemas.FormatInstant(now), From: t.active.WatermarkFrom, Columns: []schemas.Column{}, Late: late, Counts: counts, Mapping: hex.EncodeToString(p.reader.hash[:])}
	if c := p.reader.cursor; c != nil {
		started.Clock, started.Lookback, started.Frame = c.Instant(now), schemas.Duration(c.Lookback), c.Frame()
	}
	res, err := t.query(src, stmt, started)
	if err != nil {
		return nil, err
	}
	// What the result brings decides, should it differ from what was described.
	if p.reader, err = t.understandResult(p, res.Columns(), now); err != nil {
		return nil, err
	}
	started.QueryID, started.Chunks, started.Total = res.QueryID(), res.Chunks(), res.Total()
	started.Columns, started.Mapping = res.Columns()[:p.reader.visible], hex.EncodeToString(p.reader.hash[:])
	schema := rowSchema(t.importName, t.active, started.Columns, schemas.FormatInstant(now))
	if err := t.started(ctx, started, &schema); err != nil {
		return nil, err
	}
	t.log.InfoContext(ctx, "the result is complete", slog.String("query_id", started.QueryID), slog.Int("chunks", started.Chunks), slog.Int64("rows", started.Total))
	return res, nil
}

// sameFrame refuses a window that begins at a mark of another frame: rows between
// what the mark meant and what it would mean now would be read by no run.
func (t *term) sameFrame(c *statement.Cursor) error {
	if c == nil || t.active.WatermarkFrom == "" || t.frame == "" || t.frame == c.Frame() {
		return nil
	}
	if t.frame == schemas.FrameWallUTC || c.Frame() == schemas.FrameWallUTC {
		return nil // the same as instants, and a wall clock's texts come from the rows
	}
	return fail(codeCursorInvalid, "cursor %s told instants when the watermark was set and tells a wall clock's time now, or the reverse: the watermark means nothing to it; tapline reset %s reads everything anew",
		c.Column.Name, t.importName)
}

// describe asks for the columns, and for the type of a cursor of its own.
func (t *term) describe(src source, p *plan) ([]schemas.Column, error) {
	columns, err := src.Describe(t.reading, p.source.Describe())
	if err != nil {
		return nil, err
	}
	if err := unambiguous(columns); err != nil {
		return nil, err
	}
	if _, err := p.source.Bind(columns); err != nil {
		return nil, fail(codeColumnMissing, "%s", err)
	}
	if !p.source.Hidden() {
		return columns, nil
	}
	cursor, err := src.Describe(t.reading, p.source.DescribeCursor())
	if err != nil {
		return nil, err
	}
	return append(columns, cursor...), nil
}

func unambiguous(columns []schemas.Column) error {
	seen := map[string]bool{}
	for _, c := range columns {
		if seen[c.Name] {
			return fail(codeColumnAmbiguous, "the query has two columns named %s; give them aliases", c.Name)
		}
		seen[c.Name] = true
	}
	return nil
}

// understand compiles the definition against columns. It fails the run before a
// row is read if a mapped column is gone.
func (t *term) understand(p *plan, columns []schemas.Column, now time.Time) (*reader, error) {
	spec := t.active.Spec
	r := &reader{columns: columns, visible: len(columns)}
	if p.source.Hidden() {
		r.visible--
	}
	visible := columns[:r.visible]
	for _, c := range columns {
		if err := supported(c); err != nil {
			return nil, err
		}
	}
	at, err := p.source.Bind(visible)
	if err != nil {
		return nil, fail(codeColumnMissing, "%s", err)
	}
	if spec.Source.Cursor != nil {
		if p.source.Hidden() {
			at = r.visible
		}
		if r.cursor, err = statement.NewCursor(*spec.Source.Cursor, spec.Timezone, columns[at], at, now); err != nil {
			return nil, fail(codeCursorInvalid, "%s", err)
		}
		r.cursor.Bucketed = spec.Source.LateCheck && t.remembers()
	}
	return r, t.compile(r, visible)
}

// compile finds what the mapping says of the columns.
func (t *term) compile(r *reader, visible []schemas.Column) error {
	spec := t.active.Spec
	m, problems := mapping.Compile(spec, visible, t.resources.mappingOptions(spec.Destination.AccountRef))
	if len(problems) > 0 {
		return fail(problems[0].Code, "%s", problems[0].Error())
	}
	r.hash = m.Hash()
	for _, name := range m.Columns() {
		if i, ok := statement.Resolve(visible, name); ok {
			r.mapped = append(r.mapped, i)
		}
	}
	identity, ok := statement.Resolve(visible, m.IdentityColumn())
	if !ok {
		return fail(codeColumnMissing, "the query has no column %s, which is the identity", spec.Identity.Column)
	}
	r.identity = identity
	return nil
}

// query runs the statement. Once it has gone on for a while its id is reported,
// so that another owner can wait for the same statement.
func (t *term) query(src source, stmt statement.Statement, started schemas.Started) (result, error) {
	type answer struct {
		res result
		err error
	}
	answers, ids := make(chan answer, 1), make(chan string, 1)
	go func() {
		res, err := src.Query(t.reading, stmt, func(id string) { ids <- id })
		answers <- answer{res, err}
	}()
	var queryID string
	var early <-chan time.Time
	for {
		select {
		case a := <-answers:
			return a.res, a.err
		case queryID = <-ids:
			early = time.After(t.cfg.EarlyReport)
		case <-early:
			early = nil
			started.QueryID = queryID
			if err := t.started(t.reading, started, nil); err != nil {
				return nil, err
			}
			// From here on the end of this session must not abort the statement.
			src.Leave()
		case <-t.reading.Done():
			if t.history.started != nil {
				return nil, t.cancelElsewhere(queryID, src.ID())
			}
			select {
			case a := <-answers:
				if a.err == nil {
					a.err = context.Cause(t.reading)
				}
				return nil, a.err
			case <-time.After(cancelGrace):
				return nil, t.cancelElsewhere(queryID, src.ID())
			}
		}
	}
}

// resume takes up the result of an earlier term. Only the same result goes on:
// rows are counted by their position in it.
func (t *term) resume(src source, p *plan) (result, error) {
	started := *t.history.started
	src.Leave()
	res, err := src.Attach(t.reading, started.QueryID)
	if t.reading.Err() != nil {
		return nil, t.stopped()
	}
	if err != nil {
		return nil, err
	}
	if t.history.complete() && (res.Chunks() != started.Chunks || res.Total() != started.Total) {
		return nil, &failure{code: codeResultChanged, reason: fmt.Sprintf("the statement's result had %d chunks and %d rows and now has %d and %d",
			started.Chunks, started.Total, res.Chunks(), res.Total())}
	}
	now, err := schemas.ParseInstant(started.Clock)
	if err != nil {
		return nil, fail(codeResultChanged, "the attempt's first report has no clock")
	}
	if p.reader, err = t.understandResult(p, res.Columns(), now); err != nil {
		return nil, err
	}
	if t.history.complete() {
		return res, nil
	}
	started.Chunks, started.Total, started.Columns = res.Chunks(), res.Total(), res.Columns()[:p.reader.visible]
	schema := rowSchema(t.importName, t.active, started.Columns, p.reader.utc(started.Clock))
	if err := t.started(t.reading, started, &schema); err != nil {
		return nil, err
	}
	return res, nil
}

// utc is a clock of the cursor's frame as an instant of UTC.
func (r *reader) utc(clock string) string {
	if r.cursor == nil {
		return clock
	}
	return r.cursor.UTC(clock)
}

// ledgerConfig names this attempt's ledger.
func (t *term) ledgerConfig(r *reader) ledger.Config {
	cfg := ledger.Config{
		Import: t.importName, Number: t.active.Number, Attempt: t.active.Attempt,
		Limit: t.cfg.LedgerLimit,
	}
	if r.cursor != nil {
		cfg.Low = r.cursor.Low
	}
	return cfg
}
