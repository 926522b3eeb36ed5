// Package progress shows a run while it goes on: a bar for each stage on a
// terminal, plain lines elsewhere.
package progress

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"

	"tapline.dev/schemas"
)

// Display shows one run. Show is called with each newer state, Close once at
// the end.
type Display interface {
	Show(schemas.Run)
	Close()
}

// New returns bars if out is a terminal, else lines.
func New(out io.Writer) Display {
	if f, ok := out.(*os.File); ok {
		// A terminal that does not say how wide it is shows no bars.
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
			return &bars{out: out}
		}
	}
	return &lines{out: out, now: time.Now}
}

// stage is one stage's part of a run.
type stage struct {
	name        string
	done, total int64
}

// stages says how far each stage is. What a stage has to do is what the one
// before it has handed over.
func stages(r schemas.Run) [3]stage {
	c := r.Counts
	return [3]stage{
		{"extract", c.Read, max(r.Total, c.Read)},
		{"map", c.Mapped + c.MapRejected + c.MapSkipped, c.Extracted},
		{"load", c.Loaded + c.LoadRejected + c.LoadSkipped, c.Mapped},
	}
}

const (
	// lineEvery is the least time between two lines of one run.
	lineEvery = time.Second
	// idleEvery is how often a run that stands still says so.
	idleEvery = 15 * time.Second
)

type lines struct {
	out   io.Writer
	now   func() time.Time
	last  time.Time
	state string
	text  string
}

func (l *lines) Show(r schemas.Run) {
	now := l.now()
	if r.State == l.state && now.Sub(l.last) < lineEvery {
		return
	}
	text := describe(r)
	if text == l.text && now.Sub(l.last) < idleEvery {
		return
	}
	l.last, l.state, l.text = now, r.State, text
	// A closed output must not end the run that is being watched.
	_, _ = fmt.Fprintln(l.out, text)
}

func describe(r schemas.Run) string {
	text := r.Run + " " + r.State
	for _, s := range stages(r) {
		text += fmt.Sprintf("  %s %d/%d", s.name, s.done, s.total)
	}
	if n := r.Counts.Rejected(); n > 0 {
		text += fmt.Sprintf("  rejected %d", n)
	}
	if r.Waiting != nil && !r.Waiting.Over {
		text += "  waiting for " + r.Waiting.Account + ": " + r.Waiting.Reason
	}
	return text
}

func (l *lines) Close() {}

type bars struct {
	out   io.Writer
	group *mpb.Progress // nil before the first Show
	bars  [3]*mpb.Bar
}

func (b *bars) start(r schemas.Run) {
	b.group = mpb.New(mpb.WithOutput(b.out), mpb.WithWidth(60))
	for i, s := range stages(r) {
		b.bars[i] = b.group.AddBar(0,
			mpb.PrependDecorators(decor.Name(r.Run+" "+s.name+" ", decor.WCSyncSpaceR)),
			mpb.AppendDecorators(decor.CountersNoUnit("%d / %d", decor.WC{W: 20})))
	}
}

func (b *bars) Show(r schemas.Run) {
	if b.group == nil {
		b.start(r)
	}
	for i, s := range stages(r) {
		b.bars[i].SetTotal(s.total, false)
		b.bars[i].SetCurrent(s.done)
	}
}

func (b *bars) Close() {
	if b.group == nil {
		return
	}
	for _, bar := range b.bars {
		bar.EnableTriggerComplete()
		bar.Abort(false) // a bar that is not full stays as it is
	}
	b.group.Wait()
}
