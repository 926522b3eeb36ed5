package model

import (
	"fmt"
	"slices"
	"time"

	"tapline.dev/schemas"
)

func (l *life) runNow() {
	l.insert(l.rng.IntN(4))
	l.command(schemas.Command{Kind: schemas.CommandRun})
	l.succeeds("a run", 0)
	l.loaded = l.rows
	if l.stored(l.rows) == "" {
		l.t.Errorf("a run: row %d is not at CleverTap", l.rows)
	}
}

func (l *life) runAt() {
	l.insert(1)
	at := time.Now().Add(time.Duration(100+l.rng.IntN(1500)) * time.Millisecond)
	l.command(schemas.Command{Kind: schemas.CommandRunAt, At: &at})
	r := l.succeeds("a planned run", 0)
	l.loaded = l.rows
	if r.StartedAt.Before(at) {
		l.t.Errorf("a planned run: %s began at %s, planned for %s", r.Run, r.StartedAt, at)
	}
}

// stopAndResume plans a run, stops the import, asks for a run, and lets it go on.
func (l *life) stopAndResume() {
	at := time.Now().Add(time.Hour)
	l.command(schemas.Command{Kind: schemas.CommandRunAt, At: &at})
	l.command(schemas.Command{Kind: schemas.CommandStop})
	if r := l.closes("a stop"); r.State != schemas.StateCancelled {
		l.t.Errorf("a stop: the planned run %s is %s", r.Run, r.State)
	}
	l.w.command(l.name, schemas.Command{ID: fmt.Sprint("refused ", l.runs), Kind: schemas.CommandRun})
	l.command(schemas.Command{Kind: schemas.CommandResume})
	l.runNow()
}

// draft makes the import a draft, asks for a run, and makes it a real one again.
func (l *life) draft() {
	l.apply(true)
	l.w.command(l.name, schemas.Command{ID: fmt.Sprint("refused ", l.runs), Kind: schemas.CommandRun})
	// The definition must not be read before the command.
	id := fmt.Sprint("refused ", l.runs)
	until(l.t, "the scheduler has the command", func() bool { return slices.Contains(l.state().Keys, id) })
	l.apply(false)
	l.runNow()
}

// backfill reads a span again, with another mapping: the rows of the span have its mark, no
// others have, and the watermark stays.
func (l *life) backfill() {
	low := l.first + l.rng.IntN(l.loaded-l.first)
	high := low + 1 + l.rng.IntN(l.loaded-low)
	l.marks++
	l.apply(false)
	l.command(schemas.Command{Kind: schemas.CommandBackfill, From: schemas.FormatInstant(l.minute(low)), To: schemas.FormatInstant(l.minute(high))})
	r := l.succeeds("a backfill", high-low)
	if r.Attempt == 1 && r.Counts.Read != int64(high-low) {
		l.t.Errorf("a backfill: %s read %d rows of %d", r.Run, r.Counts.Read, high-low)
	}
	l.marked("a backfill", func(row int) bool { return row >= low && row < high })
}

// resend sends all that earlier runs have loaded, with another mapping.
func (l *life) resend() {
	l.marks++
	l.apply(false)
	l.command(schemas.Command{Kind: schemas.CommandResend, Runs: &schemas.RunSpan{First: 1, Last: l.runs}})
	l.succeeds("a resend", l.loaded-l.first+1)
	l.marked("a resend", func(int) bool { return true })
}
