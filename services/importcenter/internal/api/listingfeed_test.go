package api

import (
	"context"
	"fmt"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/access"
)

// TestOneReadingForAllStreams: however many follow, the listing is read once a second;
// while nobody does, not at all; and the last one who leaves ends the reading.
func TestOneReadingForAllStreams(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var reads atomic.Int64
		feed := newFeed(func(context.Context) (*listingSnapshot, time.Duration) {
			n := strconv.FormatInt(reads.Add(1), 10)
			return &listingSnapshot{rows: []schemas.Listing{{Import: n}}, ids: []string{n}}, time.Second
		})
		if snapshot, _ := feed.newest(); snapshot != nil {
			t.Fatal("it was read for nobody")
		}
		for round := range 3 {
			before := reads.Load() // before the first stream joins, which starts the reading
			leave := make([]func(), 50)
			for i := range leave {
				leave[i] = feed.join()
			}
			time.Sleep(10*time.Second + time.Millisecond)
			synctest.Wait()
			if got := reads.Load() - before; got != 11 {
				t.Errorf("round %d: %d readings in 10 s for 50 streams", round, got)
			}
			snapshot, changed := feed.newest()
			<-changed
			if next, _ := feed.newest(); next == snapshot {
				t.Error("it has changed and is as before")
			}
			for _, l := range leave {
				l()
				l() // once more does nothing
			}
			after := reads.Load()
			time.Sleep(time.Minute)
			if got := reads.Load(); got != after {
				t.Errorf("round %d: %d readings for nobody", round, got-after)
			}
			if snapshot, _ := feed.newest(); snapshot != nil {
				t.Errorf("round %d: an old snapshot is kept", round)
			}
		}
		// The bubble ends only if no goroutine is left.
	})
}

// TestLeaveEndsAReadingThatHangs: a reading ends with its context, and what it brings is
// shown to nobody who has come since.
func TestLeaveEndsAReadingThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := 0
		feed := newFeed(func(ctx context.Context) (*listingSnapshot, time.Duration) {
			if n++; n == 1 {
				<-ctx.Done()
			}
			return &listingSnapshot{rows: []schemas.Listing{{Import: fmt.Sprint(n)}}}, time.Second
		})
		leave := feed.join()
		synctest.Wait()
		leave()
		second := feed.join()
		time.Sleep(time.Millisecond)
		synctest.Wait()
		snapshot, _ := feed.newest()
		if snapshot == nil || snapshot.rows[0].Import != "2" {
			t.Errorf("the second reader sees %+v", snapshot)
		}
		second()
	})
}

// TestSinceIsTheCallersOwn: a caller is told of what their selector and filter choose, and
// of approvals that concern nothing else.
func TestSinceIsTheCallersOwn(t *testing.T) {
	t.Parallel()
	age := 5.0
	rows := []schemas.Listing{
		{Import: "a", Status: "Ready", Approvals: []schemas.WaitsFor{{Name: "both"}, {Name: "one"}}},
		{Import: "b", Status: "Ready"}, {Import: "c", Status: "Paused"},
	}
	rows[1].Labels, rows[1].FreshnessSeconds = map[string]string{"team": "growth"}, &age
	of := func(rows []schemas.Listing) *listingSnapshot {
		s := &listingSnapshot{rows: rows, waiting: []Approval{{Name: "both", Imports: []string{"a", "b"}}, {Name: "one", Imports: []string{"a"}}}}
		for _, l := range rows {
			s.ids = append(s.ids, timelessID(l))
		}
		return s
	}
	told := func(s *listingSnapshot, caller access.Caller, filter ImportFilter, shown map[string]string) (out []string) {
		event := s.since(caller, filter, shown)
		for _, l := range event.Items {
			out = append(out, fmt.Sprint(l.Import, len(l.Approvals)))
		}
		for _, name := range event.Removed {
			out = append(out, "-"+name)
		}
		return out
	}
	everything, ready := access.Caller{}, ImportFilter{Status: []string{"Ready"}}
	onlyA := access.Caller{Selector: &schemas.Selector{Names: []string{"a"}}}
	growth := access.Caller{Selector: &schemas.Selector{Labels: map[string]string{"team": "growth"}}}
	shownAll, shownA := map[string]string{}, map[string]string{}
	s := of(rows)
	for name, c := range map[string]struct{ got, want []string }{
		"all":    {told(s, everything, ImportFilter{}, shownAll), []string{"a2", "b0", "c0"}},
		"ready":  {told(s, everything, ready, map[string]string{}), []string{"a2", "b0"}},
		"a":      {told(s, onlyA, ImportFilter{}, shownA), []string{"a1"}},
		"labels": {told(s, growth, ImportFilter{}, map[string]string{}), []string{"b0"}},
	} {
		if diff := cmp.Diff(c.want, c.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	// Time passes, one is paused, and one is gone.
	later := 6.0
	next := []schemas.Listing{rows[0], rows[1]}
	next[0].Status, next[1].FreshnessSeconds = "Paused", &later
	if diff := cmp.Diff([]string{"a2", "-c"}, told(of(next), everything, ImportFilter{}, shownAll)); diff != "" {
		t.Errorf("then (-want +got):\n%s", diff)
	}
	if got := told(of(next), onlyA, ready, shownA); !cmp.Equal(got, []string{"-a"}) {
		t.Errorf("what no longer matches is told as %v", got)
	}
}
