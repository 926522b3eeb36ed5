package loader

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"tapline.dev/schemas"
)

func isProbe(records []sent) bool {
	return len(records) == 1 && records[0].Identity == "tapline-check"
}

// applyLate makes a fake CleverTap give the first request the answer and apply it later, as
// behind a proxy. What it returns tells whether that request has come.
func (w *world) applyLate(late time.Duration, first answer) (came func() bool) {
	var once atomic.Bool
	w.cleverTap.decide = func(_ int, records []sent) answer {
		// A probe stores nothing. It comes first if the loader could not read the freezes
		// in time, as on a busy machine.
		if isProbe(records) || once.Swap(true) {
			return answer{}
		}
		w.cleverTap.applyLater(late)(records)
		return first
	}
	return once.Load
}

// endsWithTheNewest checks that version 2 of the one identity is applied last.
func (w *world) endsWithTheNewest(late time.Duration) {
	w.t.Helper()
	time.Sleep(late) // nothing may arrive any more, and no condition shows that
	got := w.cleverTap.got()
	var versions []int
	for _, s := range got {
		versions = append(versions, s.Version)
	}
	if n := len(versions); n == 0 || versions[n-1] != 2 {
		w.t.Errorf("versions of one identity arrived in the order %v, want the newest last", versions)
	}
}

const (
	lateTimeout = time.Second
	lateSlack   = time.Second
	// late is after the timeout, and within the slack.
	late = lateTimeout + lateSlack/2
)

func lateWorld(t *testing.T) *world {
	w := newWorld(t)
	w.tune = func(c *Config) { c.RequestTimeout, c.ApplySlack = lateTimeout, lateSlack }
	return w
}

// TestAnUnsettledRequestHoldsItsIdentities: a request ended without CleverTap's own answer.
// Whatever the outcome of its record, no newer version is sent as long as the request may
// still be applied.
func TestAnUnsettledRequestHoldsItsIdentities(t *testing.T) {
	t.Parallel()
	answers := map[string]answer{
		"reset":          {lost: true, skip: true},
		"500":            {status: 500, skip: true, body: "busy"},
		"502":            {status: 502, skip: true, body: "busy"},
		"503":            {status: 503, skip: true, body: "busy"},
		"429 of a proxy": {status: http.StatusTooManyRequests, skip: true, body: "<html>slow down</html>"},
		"nonsense":       {skip: true, body: "<html>welcome</html>"},
	}
	operator := []schemas.Property{{From: "PLAN", To: "plan"}, {From: "SEGMENT", To: "segments", Op: "add"}}
	imports := map[string]schemas.ImportSpec{
		"profiles":          {},
		"operators, resend": {Mapping: operator},
		"operators, hold":   {Mapping: operator, Destination: schemas.Destination{OnAmbiguous: "hold"}},
		"events, hold":      {Destination: schemas.Destination{Type: schemas.TypeEvent, OnAmbiguous: "hold"}},
	}
	for name, first := range answers {
		for kind, spec := range imports {
			if kind != "profiles" && name != "503" && name != "reset" {
				continue // what settles a request does not depend on the import
			}
			t.Run(fmt.Sprint(name, ", ", kind), func(t *testing.T) {
				t.Parallel()
				w := lateWorld(t)
				came := w.applyLate(late, first)
				w.importOf("customers", 1, spec)
				w.load("customers", []row{{identity: "a", version: 1}}, 1)
				w.start()
				w.await("the first request", 30*time.Second, came)
				w.load("customers", []row{{identity: "a", version: 2}}, 1)
				w.settled("customers", 2)
				w.endsWithTheNewest(late)
			})
		}
	}
}

// TestACancelledRunHoldsItsIdentities: the next run's version waits for the request
// of the one that was cancelled.
func TestACancelledRunHoldsItsIdentities(t *testing.T) {
	t.Parallel()
	w := lateWorld(t)
	came := w.applyLate(late, answer{lost: true, skip: true})
	w.tune = func(c *Config) {
		c.RequestTimeout, c.ApplySlack = lateTimeout, lateSlack
		c.BackoffMin, c.BackoffMax = time.Minute, time.Minute
	}
	w.importOf("customers", 1, schemas.ImportSpec{})
	w.load("customers", []row{{identity: "a", version: 1}}, 1)
	w.start()
	w.await("the first request", 10*time.Second, came)
	w.state("customers", 1, 1, schemas.ImportSpec{}, &schemas.Ending{State: schemas.StateCancelled, Skip: schemas.SkipCancelled})
	got := w.settled("customers", 1)
	w.want(got, map[string]int{schemas.SkipCancelled: 1})
	if got.uncertain != 1 {
		t.Errorf("%d records are reported as skipped though they may be stored, want 1", got.uncertain)
	}
	w.state("customers", 2, 1, schemas.ImportSpec{}, nil)
	w.load("customers", []row{{identity: "a", version: 2, run: "2.1"}}, 1)
	w.settled("customers", 2)
	w.endsWithTheNewest(late)
}

// TestATakeoverHoldsIdentities: the successor, whose timeout is shorter, waits as
// long as the writer of the request says, by its own clock. It does so for a record
// without an outcome and for one whose run was cancelled.
func TestATakeoverHoldsIdentities(t *testing.T) {
	t.Parallel()
	for _, cancelled := range []bool{false, true} {
		t.Run(fmt.Sprint("cancelled ", cancelled), func(t *testing.T) {
			t.Parallel()
			w := lateWorld(t)
			came := w.applyLate(late, answer{lost: true, skip: true})
			w.tune = func(c *Config) {
				c.RequestTimeout, c.ApplySlack = lateTimeout, lateSlack
				c.BackoffMin, c.BackoffMax = time.Minute, time.Minute
			}
			w.importOf("customers", 1, schemas.ImportSpec{})
			w.load("customers", []row{{identity: "a", version: 1}}, 1)
			first := w.start()
			w.await("the first request", 10*time.Second, came)
			if cancelled {
				w.state("customers", 1, 1, schemas.ImportSpec{}, &schemas.Ending{State: schemas.StateCancelled, Skip: schemas.SkipCancelled})
				w.settled("customers", 1)
				w.state("customers", 2, 1, schemas.ImportSpec{}, nil)
			}
			first.drain()
			next := row{identity: "a", version: 2}
			if cancelled {
				next.run = "2.1"
			}
			w.tune = func(c *Config) { c.RequestTimeout, c.ApplySlack = 100*time.Millisecond, time.Millisecond }
			w.load("customers", []row{next}, 1)
			w.start()
			w.settled("customers", 2)
			w.endsWithTheNewest(late)
		})
	}
}

// TestATakeoverWithoutTheReports: the reports topic is deleted and created again while a
// request may still be applied, and with it the intent that would tell the next owner. The
// next owner sends no newer version of the next run before that time all the same.
func TestATakeoverWithoutTheReports(t *testing.T) {
	t.Parallel()
	w := lateWorld(t)
	w.kafka.SessionTimeout = 3 * time.Second
	w.importOf("customers", 1, schemas.ImportSpec{})
	w.load("customers", []row{{identity: "b", version: 1}}, 1)
	first := w.start()
	w.settled("customers", 1)
	first.drain() // the group holds a committed offset, with the id of the topic
	came := w.applyLate(late, answer{lost: true, skip: true})
	w.tune = func(c *Config) {
		c.RequestTimeout, c.ApplySlack = lateTimeout, lateSlack
		c.BackoffMin, c.BackoffMax = time.Minute, time.Minute
	}
	w.load("customers", []row{{identity: "a", version: 1}}, 1)
	second := w.start()
	w.await("the request", 10*time.Second, came)
	second.cables.kill()
	w.loseReports()
	id, err := w.reader.TopicID(t.Context(), w.topics.Reports())
	if err != nil {
		t.Fatal(err)
	}
	spec := schemas.ImportSpec{Destination: schemas.Destination{AccountRef: testAccount, Type: schemas.TypeProfile}}
	w.control(w.topics.State(), "customers", "customers", schemas.State{Import: "customers", LastNumber: 2, Active: &schemas.ActiveRun{
		Run: "customers.2", Number: 2, Attempt: 1, State: schemas.StateLoading, Spec: spec, ReportsTopic: id,
	}})
	w.tune = func(c *Config) { c.RequestTimeout, c.ApplySlack = lateTimeout, lateSlack }
	w.load("customers", []row{{identity: "a", version: 2, run: "2.1"}}, 1)
	w.start()
	w.await("the newest version", 40*time.Second, func() bool {
		got := w.cleverTap.got()
		return len(got) > 0 && got[len(got)-1].Version == 2
	})
	w.endsWithTheNewest(late)
}
