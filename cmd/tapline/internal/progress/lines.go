package progress

import (
	"fmt"
	"io"
	"time"

	"tapline.dev/schemas"
)

const (
	// lineEvery is the least time between two lines of one run.
	lineEvery = time.Second
	// idleEvery is how often a run that stands still says so.
	idleEvery = 15 * time.Second
)

// lines prints a line whenever something has changed.
type lines struct {
	out   io.Writer
	now   func() time.Time
	pace  pace
	last  time.Time
	state string
	seen  schemas.Counts
	text  string
}

func (l *lines) Show(r schemas.Run) {
	now := l.now()
	l.pace.add(now, stages(r)[2].done)
	if r.State == l.state && now.Sub(l.last) < lineEvery {
		return
	}
	waits := fmt.Sprint(r.Waiting != nil && !r.Waiting.Over, r.Behind, r.Total)
	if r.State == l.state && r.Counts == l.seen && waits == l.text && now.Sub(l.last) < idleEvery {
		return
	}
	l.last, l.state, l.seen, l.text = now, r.State, r.Counts, waits
	// A closed output must not end the run that is being watched.
	_, _ = fmt.Fprintln(l.out, describe(r, &l.pace))
}

func (l *lines) Close() {}
