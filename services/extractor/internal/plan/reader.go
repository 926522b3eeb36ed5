package plan

import (
	"maps"
	"slices"
	"strings"
	"time"

	"tapline.dev/domain/mapping"
	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/failure"
	"tapline.dev/services/extractor/internal/statement"
)

// Reader says how the rows of a result are understood.
type Reader struct {
	Columns  []schemas.Column // of the result; one that holds the cursor alone comes last
	Visible  int              // how many of them stand in a row
	Cursor   *statement.Cursor
	Identity int
	Mapped   []int    // columns that a fingerprint covers
	Gone     []string // columns that the definition needs and the query does not have; see Plan.Without
	// Unlimited are those of Gone that no line of the mapping reads, but a limit of NULLs.
	Unlimited []string
	Held      []bool // by column: mapped, the cursor or the identity. Other columns cause no reject
	Version   int    // index of a sample's column that says which version of its identity a row is; 0 without one
	Total     int    // index of the column with the size of what a sample is drawn from; 0 without one
	Hash      [16]byte
}

// Read compiles the definition against the columns of the query, followed by the
// cursor's own where the cursor is no column of the query. It fails the run
// before a row is read if a mapped column is missing, unless Without names it. now reports whether the cursor's
// zone has daylight saving; bucketed is set where the rows of each hour are
// counted.
func (p *Plan) Read(columns []schemas.Column, now time.Time, bucketed bool) (*Reader, error) {
	r := &Reader{Columns: columns, Visible: len(columns)}
	if p.source.Hidden() {
		r.Visible--
	}
	visible := columns[:r.Visible]
	at, err := p.source.Bind(visible)
	if err != nil {
		return nil, failure.Permanent(failure.CodeColumnMissing, "%s", err)
	}
	if spec := p.spec.Source.Cursor; spec != nil {
		if p.source.Hidden() {
			at = r.Visible
		}
		if r.Cursor, err = p.Cursor(columns[at], at, now); err != nil {
			return nil, err
		}
		r.Cursor.Bucketed = bucketed
	}
	if err := p.compile(r, visible); err != nil {
		return nil, err
	}
	return r, r.supported()
}

// ReadSample compiles the definition against the columns of a sample's result: those
// of a window, and behind them the sample's own.
func (p *Plan) ReadSample(columns []schemas.Column, now time.Time) (*Reader, error) {
	end, version := len(columns)-1, 0
	if end < 1 || columns[end].Name != statement.TotalAlias {
		return nil, failure.Transient(failure.CodeResultChanged, "the result of the sample has other columns than were asked for")
	}
	if columns[end-1].Name == statement.VersionAlias {
		end--
		version = end
	}
	r, err := p.Read(columns[:end], now, false)
	if err != nil {
		return nil, err
	}
	r.Columns, r.Version, r.Total = columns, version, len(columns)-1
	for range columns[end:] {
		r.Held = append(r.Held, true)
	}
	return r, r.supported()
}

// Cursor is the definition's cursor, once its column is known.
func (p *Plan) Cursor(column schemas.Column, at int, now time.Time) (*statement.Cursor, error) {
	c, err := statement.NewCursor(*p.spec.Source.Cursor, p.spec.Timezone, column, at, now)
	if err != nil {
		return nil, failure.Permanent(failure.CodeCursorInvalid, "%s", err)
	}
	return c, nil
}

// compile finds what the mapping says of the columns.
func (p *Plan) compile(r *Reader, visible []schemas.Column) error {
	m, problems := mapping.CompileWithout(p.spec, visible, p.gone, p.options)
	if len(problems) > 0 {
		return failure.Permanent(problems[0].Code, "%s", problems[0].Error())
	}
	r.Hash, r.Gone = m.Hash(), m.LeftOut()
	r.Unlimited = p.unlimited(visible, r.Gone)
	r.Gone = append(slices.Clone(r.Gone), r.Unlimited...)
	for _, name := range m.Columns() {
		if i, ok := statement.Resolve(visible, name); ok {
			r.Mapped = append(r.Mapped, i)
		}
	}
	identity, ok := statement.Resolve(visible, m.IdentityColumn())
	if !ok {
		return failure.Permanent(failure.CodeColumnMissing, "the query has no column %s, which is the identity", p.spec.Identity.Column)
	}
	r.Identity = identity
	r.Held = make([]bool, len(r.Columns))
	for _, i := range append(r.Mapped, identity) {
		r.Held[i] = true
	}
	for i := r.Visible; i < len(r.Columns); i++ {
		r.Held[i] = true
	}
	if r.Cursor != nil {
		r.Held[r.Cursor.Index] = true
	}
	return nil
}

// unlimited are the columns of limits.hold.nullShare that are gone and that no line of the
// mapping reads. One that may not be gone is missing, which whoever counts NULLs says.
func (p *Plan) unlimited(visible []schemas.Column, leftOut []string) (names []string) {
	if p.spec.Limits.Hold == nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(p.spec.Limits.Hold.NullShare)) {
		_, there := statement.Resolve(visible, name)
		same := func(other string) bool { return strings.EqualFold(other, name) }
		if !there && slices.ContainsFunc(p.gone, same) && !slices.ContainsFunc(leftOut, same) {
			names = append(names, name)
		}
	}
	return names
}

// supported refuses columns that are needed and whose values have no exact JSON.
func (r *Reader) supported() error {
	for i, c := range r.Columns {
		if !r.Held[i] {
			continue
		}
		if err := Supported(c); err != nil {
			return err
		}
	}
	return nil
}

// Distinct reports whether each version of a row has a cursor of its own, so that
// its fingerprint never comes back.
func (r *Reader) Distinct() bool {
	c := r.Cursor
	const millisecond = 3 // digits
	return c != nil && r.Visible == len(r.Columns) && c.Nulls != "always" &&
		strings.HasPrefix(c.Column.Type, "TIMESTAMP_") && c.Column.Scale >= millisecond
}

// UTC is a clock of the cursor's time basis as an instant of UTC.
func (r *Reader) UTC(clock string) string {
	if r.Cursor == nil {
		return clock
	}
	return r.Cursor.UTC(clock)
}
