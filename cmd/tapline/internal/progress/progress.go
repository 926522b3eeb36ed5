// Package progress shows a run while it goes on: bars and a line with its state on
// a terminal, plain lines elsewhere.
package progress

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"tapline.dev/libs/config"
	"tapline.dev/schemas"
)

// Display shows one run. Show is called with each newer state, Close once at
// the end.
type Display interface {
	Show(schemas.Run)
	Close()
}

// New returns bars if out is a terminal that can draw them, else lines.
func New(out io.Writer) Display {
	kind, _ := config.LookupEnv("TERM")
	if f, ok := out.(*os.File); ok && kind != "dumb" {
		// A terminal that does not say how wide it is shows no bars, and neither does
		// one that is too narrow for them.
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width >= minBarsWidth {
			return &bars{out: out, width: width, now: time.Now}
		}
	}
	return &lines{out: out, now: time.Now}
}

// stage is one stage's part of a run.
type stage struct {
	name        string
	done, total int64
}

// stages says how far each stage is. The total of a stage is what the stage before
// it has passed on, plus what that stage may still pass on. So a total never grows,
// and shrinks to the true number.
func stages(r schemas.Run) [3]stage {
	c := r.Counts
	extract := stage{"extract", c.Read, max(r.Total, c.Read)}
	mapped := stage{"map", c.Mapped + c.MapRejected + c.MapSkipped, c.Extracted + extract.total - extract.done}
	load := stage{"load", c.Loaded + c.LoadRejected + c.LoadSkipped, c.Mapped + max(0, mapped.total-mapped.done)}
	return [3]stage{extract, mapped, load}
}

// describe says in one line what a run does, what it waits for, and how long it
// will take.
func describe(r schemas.Run, p *pace) string {
	parts := []string{r.Run + " " + r.State}
	for _, s := range stages(r) {
		parts = append(parts, fmt.Sprintf("%s %d/%d", s.name, s.done, s.total))
	}
	return strings.Join(append(parts, remarks(r, p)...), "  ")
}

// remarks are what the counts of the stages do not say.
func remarks(r schemas.Run, p *pace) []string {
	var parts []string
	if n := r.Counts.Rejected(); n > 0 {
		parts = append(parts, fmt.Sprintf("rejected %d", n))
	}
	if r.Behind != "" {
		return append(parts, "behind "+r.Behind)
	}
	if r.Waiting != nil && !r.Waiting.Over {
		return append(parts, "waiting for "+r.Waiting.Account+": "+r.Waiting.Reason)
	}
	if rate := p.rate(); rate >= 1 && !schemas.Terminal(r.State) {
		parts = append(parts, fmt.Sprintf("%.0f rows/s", rate))
		if load := stages(r)[2]; r.Total > 0 && load.total > load.done {
			left := time.Duration(float64(load.total-load.done) / rate * float64(time.Second))
			parts = append(parts, fmt.Sprintf("about %s left", left.Round(time.Second)))
		}
	}
	return parts
}

// paceOver is the time over which the rate is measured.
const paceOver = 10 * time.Second

// pace is the rate of the newest rows to be loaded.
type pace struct {
	points []point
}

type point struct {
	at   time.Time
	done int64
}

func (p *pace) add(at time.Time, done int64) {
	if n := len(p.points); n > 0 && done < p.points[n-1].done {
		p.points = nil // another attempt starts to count at zero
	}
	p.points = append(p.points, point{at, done})
	for len(p.points) > 2 && at.Sub(p.points[1].at) >= paceOver {
		p.points = p.points[1:]
	}
}

// rate is in rows per second, 0 until it is known.
func (p *pace) rate() float64 {
	if len(p.points) < 2 {
		return 0
	}
	first, last := p.points[0], p.points[len(p.points)-1]
	took := last.at.Sub(first.at).Seconds()
	if took < 1 {
		return 0
	}
	return float64(last.done-first.done) / took
}
