package progress

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/mattn/go-runewidth"

	"tapline.dev/schemas"
)

func TestLines(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	now := time.Unix(0, 0)
	l := &lines{out: &out, now: func() time.Time { return now }}
	run := schemas.Run{Run: "customers.1", State: schemas.StateQueued, Behind: "customers.0, which is loading"}
	l.Show(run)
	run.State, run.Behind, run.Total = schemas.StateExtracting, "", 10
	l.Show(run)
	run.Counts = schemas.Counts{Read: 10, Extracted: 9, Mapped: 4, MapRejected: 1, Loaded: 2}
	now = now.Add(lineEvery / 2)
	l.Show(run) // too soon
	run.State = schemas.StateLoading
	l.Show(run) // another state
	run.Waiting = &schemas.Waiting{Account: "clevertap", Reason: "credentials refused"}
	now = now.Add(lineEvery)
	l.Show(run)
	now = now.Add(2 * lineEvery)
	l.Show(run) // nothing new
	now = now.Add(idleEvery)
	l.Show(run) // still there
	l.Close()

	want := []string{
		"customers.1 queued  extract 0/0  map 0/0  load 0/0  behind customers.0, which is loading",
		"customers.1 extracting  extract 0/10  map 0/10  load 0/10",
		"customers.1 loading  extract 10/10  map 5/9  load 2/8  rejected 1",
		"customers.1 loading  extract 10/10  map 5/9  load 2/8  rejected 1  waiting for clevertap: credentials refused",
		"customers.1 loading  extract 10/10  map 5/9  load 2/8  rejected 1  waiting for clevertap: credentials refused",
	}
	if diff := cmp.Diff(want, strings.Split(strings.TrimSpace(out.String()), "\n")); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

// TestRateAndRemainingTime: both come from the rows of the last seconds.
func TestRateAndRemainingTime(t *testing.T) {
	t.Parallel()
	var p pace
	now := time.Unix(0, 0)
	run := schemas.Run{Run: "customers.1", State: schemas.StateLoading, Total: 10_000, Counts: schemas.Counts{Read: 10_000, Extracted: 10_000, Mapped: 10_000}}
	if got := describe(run, &p); strings.Contains(got, "rows/s") {
		t.Errorf("a rate before anything was loaded: %s", got)
	}
	for second := range 20 {
		run.Counts.Loaded = int64(second * 100)
		if second >= 10 {
			run.Counts.Loaded = 1000 + int64(second-10)*200
		}
		p.add(now.Add(time.Duration(second)*time.Second), run.Counts.Loaded)
	}
	want := "customers.1 loading  extract 10000/10000  map 10000/10000  load 2800/10000  190 rows/s  about 38s left"
	got := describe(run, &p)
	run.Waiting = &schemas.Waiting{Account: "clevertap", Reason: "429"}
	if !strings.Contains(got, " rows/s  about ") || strings.Contains(describe(run, &p), "rows/s") {
		t.Errorf("got %s, want something like %s, and no rate while the run waits", got, want)
	}
	if rate := p.rate(); rate < 180 || rate > 200 {
		t.Errorf("rate %.0f, want that of the last 10 s, about 190", rate)
	}
}

// TestTotalsNeverGrow: what a stage has to do is known from the start as the most
// that it can be.
func TestTotalsNeverGrow(t *testing.T) {
	t.Parallel()
	run := schemas.Run{Total: 100}
	var last [3]stage
	for step, c := range []schemas.Counts{
		{}, {Read: 50, Extracted: 40, Unchanged: 10}, {Read: 100, Extracted: 80, Unchanged: 20, Mapped: 30, MapRejected: 5},
		{Read: 100, Extracted: 80, Unchanged: 20, Mapped: 70, MapRejected: 10, Loaded: 70},
	} {
		run.Counts = c
		now := stages(run)
		for i := range now {
			if step > 0 && now[i].total > last[i].total {
				t.Errorf("step %d: the total of %s grew from %d to %d", step, now[i].name, last[i].total, now[i].total)
			}
		}
		last = now
	}
	if last[2] != (stage{"load", 70, 70}) {
		t.Errorf("at the end load is %+v", last[2])
	}
}

func TestBarsShowPartsAndEnd(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	b := &bars{out: &out, width: 80, now: time.Now}
	b.Show(schemas.Run{Run: "customers.1", Total: 10, Counts: schemas.Counts{Read: 5, Extracted: 5, Mapped: 3}})
	b.Close() // returns although no bar is full
	for line := range strings.SplitSeq(out.String(), "\n") {
		if width := runewidth.StringWidth(line); width > 80 {
			t.Errorf("a line of %d columns on a terminal of 80: %q", width, line)
		}
	}
	(&bars{out: &out}).Close()
}
