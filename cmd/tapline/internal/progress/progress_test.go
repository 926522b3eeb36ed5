package progress

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/schemas"
)

func TestLines(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	now := time.Unix(0, 0)
	l := &lines{out: &out, now: func() time.Time { return now }}
	run := schemas.Run{Run: "customers.1", State: schemas.StateExtracting, Total: 10}
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
		"customers.1 extracting  extract 0/10  map 0/0  load 0/0",
		"customers.1 loading  extract 10/10  map 5/9  load 2/4  rejected 1",
		"customers.1 loading  extract 10/10  map 5/9  load 2/4  rejected 1  waiting for clevertap: credentials refused",
		"customers.1 loading  extract 10/10  map 5/9  load 2/4  rejected 1  waiting for clevertap: credentials refused",
	}
	if diff := cmp.Diff(want, strings.Split(strings.TrimSpace(out.String()), "\n")); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

func TestBarsShowPartsAndEnd(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	b := &bars{out: &out}
	b.Show(schemas.Run{Run: "customers.1", Total: 10, Counts: schemas.Counts{Read: 5, Extracted: 5, Mapped: 3}})
	b.Close() // returns although no bar is full
	(&bars{out: &out}).Close()
}
