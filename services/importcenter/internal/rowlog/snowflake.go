package rowlog

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"tapline.dev/schemas"
)

// Results that only a row in Snowflake tells: the topics hold nothing of such rows.
const (
	Unchanged     = "unchanged"
	Future        = "future"
	StillRejected = "stillRejected"
	Suppressed    = "suppressed"
	NotRead       = "notRead"
)

// Held is a row of the person that Snowflake has now.
type Held struct {
	Row        json.RawMessage `json:"row" doc:"As Snowflake gives it now"`
	Changed    string          `json:"changed,omitempty" doc:"Its cursor as an instant of UTC; absent if it is NULL, or the import has none"`
	Suppressed bool            `json:"suppressed,omitempty" doc:"The person must not be sent"`
	Runs       []HeldIn        `json:"runs" doc:"What became of it in the runs that read where it lies, in the order of time"`
	Note       string          `json:"note,omitempty" doc:"What the next run does with it, if no run has taken it"`

	// At is the cursor in its time basis.
	At string `json:"-"`
}

// HeldIn is what became of such a row in a run.
type HeldIn struct {
	Run    string `json:"run"`
	Result string `json:"result" enum:"loaded,rejected,skipped,waiting,unknown,unchanged,future,stillRejected,suppressed,notRead" doc:"unchanged, future, stillRejected and suppressed are told from the row and the run's counts; notRead: where it lies was read, and the run has no such row"`
	Reason string `json:"reason" doc:"In a sentence"`
}

// Place says how the rows that Snowflake has now lie.
type Place struct {
	TimeBasis string
	Clock     string // when they were read, in that basis
	Watermark string // of the import now, in that basis
}

// Tell says what became of rows in the runs of the answer, which come in the order of time.
func (a *Answer) Tell(rows []Held, runs []schemas.Run, rule func(string, *schemas.Started) (schemas.ImportSpec, *Rule), place Place) {
	for i := range rows {
		t := teller{answer: a, rule: rule, place: place, row: &rows[i]}
		rows[i].Runs = []HeldIn{}
		for _, run := range runs {
			if told, ok := t.in(run); ok {
				rows[i].Runs = append(rows[i].Runs, told)
			}
		}
		t.ahead()
	}
}

type teller struct {
	answer *Answer
	rule   func(string, *schemas.Started) (schemas.ImportSpec, *Rule)
	place  Place
	row    *Held
	// last is what the row was when a run read it last, and lastRun which run that was.
	last, lastRun string
	// absent is set once a run that has read where the row lies did not have it.
	absent bool
}

// in tells what became of the row in a run; ok is false if the run did not read where it lies.
func (t *teller) in(run schemas.Run) (told HeldIn, ok bool) {
	_, number, err := schemas.ParseRunID(run.Run)
	if err != nil {
		return told, false
	}
	started := t.answer.started[number]
	spec, rule := t.rule(run.Run, started)
	if at := t.listed(run.Run, spec, rule); at != nil {
		t.last, t.lastRun = at.Result, run.Run
		return HeldIn{run.Run, at.Result, "the topics hold it as " + at.ID + ", with these values"}, true
	}
	windowed := run.Mode == schemas.ModeFull || run.Mode == schemas.ModeIncremental || run.Mode == schemas.ModeBackfill
	if !windowed || started == nil || t.row.At != "" && started.TimeBasis != t.place.TimeBasis || !t.within(run, spec, started) {
		return told, false
	}
	told = t.unlisted(run, spec, started)
	if told.Run = run.Run; told.Result == NotRead {
		t.absent = true
	} else {
		t.last, t.lastRun = told.Result, run.Run
	}
	return told, true
}

// listed is the newest appearance in a run of a row with the same values; nil if there is none.
func (t *teller) listed(run string, spec schemas.ImportSpec, rule *Rule) *Appearance {
	for i := range slices.Backward(t.answer.Rows) {
		a := &t.answer.Rows[i]
		switch {
		case a.Run != run:
		case a.Row != nil && same(a.Row, t.row.Row, spec, rule), a.Row == nil && makes(rule, t.row.Row, a.Record):
			return a
		}
	}
	return nil
}

// same reports whether two rows have the same values in the columns that a run looks at.
func same(a, b json.RawMessage, spec schemas.ImportSpec, rule *Rule) bool {
	if bytes.Equal(a, b) {
		return true
	}
	var x, y map[string]json.RawMessage
	if rule == nil || json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	names := rule.Mapping.Columns()
	if c := spec.Source.Cursor; c != nil && c.Column != "" {
		names = append(names, c.Column)
	}
	return !slices.ContainsFunc(names, func(name string) bool { return !bytes.Equal(column(x, name), column(y, name)) })
}

// makes reports whether a run's mapping makes a record of a row.
func makes(rule *Rule, row, record json.RawMessage) bool {
	if rule == nil || record == nil {
		return false
	}
	made, _ := rule.Mapping.Map(nil, row, rule.Clock)
	return bytes.Equal(made, record)
}

// within reports whether a run read where the row lies in the order of the cursor.
func (t *teller) within(run schemas.Run, spec schemas.ImportSpec, started *schemas.Started) bool {
	at := t.row.At
	if at == "" { // NULL is read by each run but a backfill, and so is everything without a cursor
		return run.Mode != schemas.ModeBackfill || spec.Source.Cursor == nil
	}
	if run.To != "" && !t.before(run.To) {
		return false
	}
	initial := run.Initial
	if initial == "" && spec.Source.Cursor != nil && run.Mode != schemas.ModeBackfill && spec.Source.Cursor.Initial != "" {
		initial, _ = schemas.ParseCursorInstant(spec.Source.Cursor.Initial)
	}
	from := rounded(run.WatermarkFrom, spec, started.Columns)
	return at >= from && (initial == "" || !t.before(initial))
}

// before reports whether the row lies before a place, which is an instant of UTC with a Z.
func (t *teller) before(place string) bool {
	if instant, zoned := strings.CutSuffix(place, "Z"); zoned {
		return t.row.Changed < instant
	}
	return t.row.At < place
}

// rounded is a bound as Snowflake compares it: downwards to what the column can hold.
func rounded(instant string, spec schemas.ImportSpec, columns []schemas.Column) string {
	c := spec.Source.Cursor
	if c == nil || len(instant) < len("2006-01-02T15:04:05.000000000") {
		return instant
	}
	day := slices.ContainsFunc(columns, func(col schemas.Column) bool {
		return strings.EqualFold(col.Name, c.Column) && col.Type == "DATE"
	})
	switch {
	case day:
		return instant[:len("2006-01-02")]
	case c.Epoch == "seconds":
		return instant[:len("2006-01-02T15:04:05")]
	case c.Epoch == "milliseconds":
		return instant[:len("2006-01-02T15:04:05.000")]
	}
	return instant
}

// unlisted tells what became of a row that a run has read and no topic holds.
func (t *teller) unlisted(run schemas.Run, spec schemas.ImportSpec, started *schemas.Started) HeldIn {
	c := run.Counts
	if until, ok := plus(started.Clock, future(spec)); ok && t.row.At > until {
		switch {
		case c.Future == 0:
			return HeldIn{Result: NotRead, Reason: "it lies ahead of the run's clock, and the run has left no row for later: it has come, or changed, since"}
		case t.row.At <= t.place.Clock:
			return HeldIn{Result: NotRead, Reason: "it lies ahead of the run's clock: it has come, or changed, since; if it was there already with this cursor, it is one of the rows in the future that the run has left for later"}
		}
		return HeldIn{Result: Future, Reason: "its cursor lies further ahead of the run's clock than source.cursor.future: the run has left it for a later one"}
	}
	refused := t.last == Rejected || t.last == StillRejected
	taken := t.last != "" && t.last != Future && !refused
	first := t.last == "" && !t.absent && t.row.At <= started.Clock
	switch {
	case t.row.Suppressed && c.ExtractSkipped > 0:
		return HeldIn{Result: Suppressed, Reason: "the person is suppressed now, and the run has left out rows of suppressed people"}
	case taken && c.Unchanged > 0:
		return HeldIn{Result: Unchanged, Reason: "its values are those of " + t.lastRun + ", where it was " + t.last}
	case refused && c.StillRejected > 0:
		return HeldIn{Result: StillRejected, Reason: "its values are those of " + t.lastRun + ", where it was " + t.last}
	case first && c.Extracted > 0 && run.StartedAt.Before(t.answer.lostBefore):
		return HeldIn{Result: Unknown, Reason: "the topics hold the rows of the run no longer"}
	case first && c.Unchanged > 0 && c.StillRejected > 0:
		return HeldIn{Result: Unchanged, Reason: "it lies where the run has read and was not sent: it was unchanged or still rejected; the topics do not tell of the run that took it"}
	case first && c.Unchanged > 0:
		return HeldIn{Result: Unchanged, Reason: "it lies where the run has read and was not sent: it was unchanged; the topics do not tell of the run that took it"}
	case first && c.StillRejected > 0:
		return HeldIn{Result: StillRejected, Reason: "it lies where the run has read and was not sent: it was still rejected; the topics do not tell of the run that took it"}
	}
	return HeldIn{Result: NotRead, Reason: "it lies where the run has read, and the run had no row with these values: it has come, or changed without its cursor, since"}
}

// ahead says what the next run does with a row that no run has taken.
func (t *teller) ahead() {
	switch t.last {
	case Loaded, Unchanged, Rejected, StillRejected, Skipped, Waiting, Unknown, Suppressed:
		return
	}
	switch {
	case t.row.At == "" || t.place.Watermark == "" || t.row.At >= t.place.Watermark:
		t.row.Note = "no run has taken it yet; the next one reads it"
		if t.row.At > t.place.Clock {
			t.row.Note += ", and takes it once its clock has come near its cursor"
		}
	default:
		t.row.Note = "no run that the topics tell of has taken it, and it lies behind the watermark, where no run reads: tapline reconcile finds rows that came late"
	}
}

// future is how far ahead of the clock a row may lie.
func future(spec schemas.ImportSpec) time.Duration {
	if c := spec.Source.Cursor; c != nil && c.Future != 0 {
		return c.Future.Std()
	}
	return schemas.DefaultFuture.Std()
}

func plus(instant string, span time.Duration) (string, bool) {
	t, err := schemas.ParseInstant(instant)
	if err != nil {
		return "", false
	}
	return schemas.FormatInstant(t.Add(span)), true
}
