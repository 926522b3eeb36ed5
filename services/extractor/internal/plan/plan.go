// Package plan decides, from a definition and a query's columns, which statement
// is run and how its rows are understood. It does no I/O.
package plan

import (
	"slices"

	"tapline.dev/domain/mapping"
	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/failure"
	"tapline.dev/services/extractor/internal/rowjson"
	"tapline.dev/services/extractor/internal/statement"
)

// Plan is a checked definition. Bind comes before the rest.
type Plan struct {
	spec    schemas.ImportSpec
	options mapping.Options
	source  *statement.Source
	gone    []string
}

// Without has the plan leave out the lines of the mapping that read a column of
// gone which the query does not have. Otherwise such a line fails the run.
func (p *Plan) Without(gone []string) { p.gone = gone }

// New checks the user's SQL.
//
// Invariant 10: no text of a user's reaches Snowflake but through here.
func New(spec schemas.ImportSpec, options mapping.Options) (*Plan, error) {
	source, err := statement.Parse(spec.Source)
	if err != nil {
		return nil, failure.Permanent(failure.CodeQueryRefused, "%s", err)
	}
	return &Plan{spec: spec, options: options, source: source}, nil
}

// Describe is the statement that has the query's columns.
func (p *Plan) Describe() string { return p.source.Describe() }

// Bind finds the cursor among the query's columns. at is -1 if the cursor is no
// column of the query's, and describe then is a statement whose only column is
// the cursor.
func (p *Plan) Bind(columns []schemas.Column) (at int, describe string, err error) {
	if at, err = p.source.Bind(columns); err != nil {
		return -1, "", failure.Permanent(failure.CodeColumnMissing, "%s", err)
	}
	if p.source.Hidden() {
		return -1, p.source.DescribeCursor(), nil
	}
	return at, "", nil
}

// IdentityAt finds the identity among the query's columns, also where the mapping
// does not fit them.
func (p *Plan) IdentityAt(columns []schemas.Column) (int, bool) {
	return statement.Resolve(columns, p.spec.Identity.Column)
}

// Window is the statement that reads what has a cursor in [from, to), and the
// spans before it that are read again. columns are those of the reader.
func (p *Plan) Window(r *Reader, from, to string, again []statement.Span) (statement.Statement, error) {
	cursor := r.Cursor
	if cursor != nil && len(again) > 0 {
		with := *cursor
		with.Late = again
		cursor = &with
	}
	stmt, err := p.source.Window(r.Columns, cursor, from, to, p.versions(r))
	if err != nil {
		return stmt, failure.Permanent(failure.CodeCursorInvalid, "%s", err)
	}
	return stmt, nil
}

// Bounds are where a window begins and ends in the cursor's time basis: where the run
// says, and never before where the import begins (cursor.initial, or the first run).
func (p *Plan) Bounds(r *Reader, run schemas.ActiveRun) (from, to string, err error) {
	c := r.Cursor
	if c == nil {
		return run.WatermarkFrom, run.To, nil
	}
	places := []string{run.WatermarkFrom, run.To, run.Initial, ""}
	if run.Mode != schemas.ModeBackfill && p.spec.Source.Cursor.Initial != "" {
		if places[3], err = schemas.ParseCursorInstant(p.spec.Source.Cursor.Initial); err != nil {
			return "", "", failure.Permanent(failure.CodeCursorInvalid, "cursor.initial: %s", err)
		}
	}
	for i := range places {
		if places[i], err = c.Place(places[i]); err != nil {
			return "", "", failure.Permanent(failure.CodeCursorInvalid, "%s", err)
		}
	}
	return max(places[0], places[2], places[3]), places[1], nil
}

// Sample is the statement that reads rows at random, out of all that there are or, with
// keys, of these people's.
func (p *Plan) Sample(r *Reader, rows int, keys []string) statement.Statement {
	return p.source.Sample(r.Columns, rows, p.versions(r), r.Columns[r.Identity], keys)
}

// versions is the identity's column where only the newest version of an identity
// stays, and "" where each row does.
//
// Invariant 4: whatever is read, the newest version of an identity comes last.
func (p *Plan) versions(r *Reader) string {
	if p.spec.Destination.Type != schemas.TypeProfile {
		return ""
	}
	return r.Columns[r.Identity].Name
}

// First is the statement that reads the first rows that come.
func (p *Plan) First(columns []schemas.Column, rows int) statement.Statement {
	return p.source.First(columns, rows)
}

// Counts is the statement that counts the rows of each bucket of the cursor.
func (p *Plan) Counts(r *Reader) statement.Statement { return p.source.Counts(r.Cursor) }

// Needed are those of the query's columns that the definition names: mapped, the
// cursor, the identity. ok is false while the mapping does not fit the columns.
func (p *Plan) Needed(columns []schemas.Column) (needed []schemas.Column, ok bool) {
	m, problems := mapping.CompileWithout(p.spec, columns, p.gone, p.options)
	if len(problems) > 0 {
		return nil, false
	}
	names := append(slices.Clone(m.Columns()), m.IdentityColumn())
	if c := p.spec.Source.Cursor; c != nil && c.Column != "" {
		names = append(names, c.Column)
	}
	for i, c := range columns {
		if slices.ContainsFunc(names, func(name string) bool { at, ok := statement.Resolve(columns, name); return ok && at == i }) {
			needed = append(needed, c)
		}
	}
	return needed, true
}

// Selected are the columns that the statement reads.
func (p *Plan) Selected(columns []schemas.Column) []schemas.Column {
	if p.spec.Source.Columns == schemas.ColumnsMapped {
		if needed, ok := p.Needed(columns); ok {
			return needed
		}
	}
	return columns // a mapping that does not fit is refused later, with its own error
}

// Unambiguous refuses a query that has two columns of one name.
func Unambiguous(columns []schemas.Column) error {
	seen := map[string]bool{}
	for _, c := range columns {
		if seen[c.Name] {
			return failure.Permanent(failure.CodeColumnAmbiguous, "the query has two columns named %s; give them aliases", c.Name)
		}
		seen[c.Name] = true
	}
	return nil
}

// Supported refuses a column whose values have no exact JSON.
func Supported(c schemas.Column) error {
	if rowjson.Supported(c.Type) {
		return nil
	}
	return failure.Permanent(failure.CodeColumnType, "column %s has type %s, which cannot be read; cast it or leave it out", c.Name, c.Type)
}

// SameTimeBasis refuses a window that begins at a watermark of another time basis: rows
// between what the watermark meant and what it would mean now would be read by no
// run. timeBasis is the watermark's, "" if it is not known.
func SameTimeBasis(importName, watermark, timeBasis string, c *statement.Cursor) error {
	if c == nil || watermark == "" || timeBasis == "" || timeBasis == c.TimeBasis() {
		return nil
	}
	if timeBasis == schemas.TimeBasisWallUTC || c.TimeBasis() == schemas.TimeBasisWallUTC {
		return nil // UTC is the same as instants, and a wall clock's texts come from the rows
	}
	return failure.Permanent(failure.CodeCursorInvalid, "the watermark was set while cursor %s held %s, and it now holds %s, so that the watermark names another time; tapline reset %s reads everything anew",
		c.Column.Name, timeBasisWords(timeBasis), timeBasisWords(c.TimeBasis()), importName)
}

func timeBasisWords(timeBasis string) string {
	if timeBasis == schemas.TimeBasisInstant {
		return "instants"
	}
	return "a wall clock's times without a zone"
}

// Identities is the statement that reads the rows of people by their keys; ok is false if
// no row can have one of them.
//
// Invariant 10: keys come from rejected rows, so that they are bound or digits.
func (p *Plan) Identities(r *Reader, keys []string) (stmt statement.Statement, ok bool) {
	return p.source.Identities(r.Columns, r.Cursor, r.Columns[r.Identity], keys)
}

// Person is the statement that reads the newest rows of one person; ok is false if no row can
// have the key.
//
// Invariant 10: the key is a person's identity, so that it is bound or digits.
func (p *Plan) Person(r *Reader, key string, limit int) (stmt statement.Statement, ok bool) {
	return p.source.Person(r.Columns, r.Cursor, r.Columns[r.Identity], key, limit)
}

// hashed are the identity and the columns that the mapping reads: what a row's hash
// covers.
func (p *Plan) hashed(r *Reader) []schemas.Column {
	out := []schemas.Column{r.Columns[r.Identity]}
	for _, i := range r.Mapped {
		if i != r.Identity {
			out = append(out, r.Columns[i])
		}
	}
	return out
}

// Sums is the statement that counts and sums all rows below an instant, and says of each
// group whether its rows lie below an earlier one.
func (p *Plan) Sums(r *Reader, masks []int64, squares int64, earlier, below string) (statement.Statement, error) {
	stmt, err := p.source.Sums(r.Cursor, p.hashed(r), masks, squares, earlier, below)
	if err != nil {
		return stmt, failure.Permanent(failure.CodeCursorInvalid, "%s", err)
	}
	return stmt, nil
}

// Came is the statement that reads what has come, by its hashes and days.
func (p *Plan) Came(r *Reader, came map[int64]int64, days []statement.Span) (statement.Statement, error) {
	stmt, err := p.source.Came(r.Columns, r.Cursor, p.hashed(r), came, days, p.versions(r))
	if err != nil {
		return stmt, failure.Permanent(failure.CodeCursorInvalid, "%s", err)
	}
	return stmt, nil
}
