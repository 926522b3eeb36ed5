package progress

import (
	"io"
	"strings"
	"sync/atomic"
	"time"

	"github.com/mattn/go-runewidth"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"tapline.dev/schemas"
)

const (
	// minBarsWidth is the narrowest terminal that shows bars; narrower ones get
	// lines.
	minBarsWidth = 50
	// maxBarWidth is how long a bar is at most.
	maxBarWidth = 60
	// aroundBar is what stands beside a bar: the stage's name and its counts.
	aroundBar = 8 + 24
)

// bars draws a line with the run's state and a bar for each stage, none of them
// wider than the terminal: a line that wraps cannot be drawn over.
type bars struct {
	out    io.Writer
	width  int
	now    func() time.Time
	pace   pace
	group  *mpb.Progress // nil before the first Show
	status *mpb.Bar
	line   atomic.Pointer[string] // read by the drawing goroutine
	bars   [3]*mpb.Bar
}

func (b *bars) start(r schemas.Run) {
	b.group = mpb.New(mpb.WithOutput(b.out), mpb.WithWidth(min(maxBarWidth, b.width-aroundBar)))
	b.status = b.group.New(1, mpb.NopStyle(), mpb.PrependDecorators(decor.Any(func(decor.Statistics) string {
		return *b.line.Load()
	})))
	for i, s := range stages(r) {
		b.bars[i] = b.group.AddBar(0,
			mpb.PrependDecorators(decor.Name(s.name, decor.WC{W: 8, C: decor.DindentRight})),
			mpb.AppendDecorators(decor.CountersNoUnit("%d / %d", decor.WC{W: 22})))
	}
}

func (b *bars) Show(r schemas.Run) {
	b.pace.add(b.now(), stages(r)[2].done)
	line := strings.Join(append([]string{r.Run + " " + r.State}, remarks(r, &b.pace)...), "  ")
	line = runewidth.Truncate(line, b.width-2, "…")
	b.line.Store(&line)
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
	for _, bar := range append(b.bars[:], b.status) {
		bar.EnableTriggerComplete()
		bar.Abort(false) // a bar that is not full stays as it is
	}
	b.group.Wait()
}
