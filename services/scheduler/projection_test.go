package scheduler_test

import (
	"testing"
	"time"

	"tapline.dev/domain/control"
	"tapline.dev/domain/projection"
	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// TestProjectionCatchesUp: Redis is down while a run closes, and the scheduler
// that closed it has stopped when Redis is back.
func TestProjectionCatchesUp(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	stop := r.start()
	r.apply(definition("customers"))
	r.command("customers", schemas.CommandRun, nil)
	r.awaitRun("customers.1", schemas.StateExtracting)
	r.awaitProjection("customers.1")
	r.redis.SetError("LOADING away")
	r.finish("customers.1", 1, 10, 0, maximum)
	r.awaitRun("customers.1", schemas.StateSucceeded)
	stop()
	r.redis.SetError("")
	if got, _, err := r.view.Run(t.Context(), "customers.1"); err != nil || got.State == schemas.StateSucceeded {
		t.Fatalf("Redis already knows: %v, %v", got.State, err)
	}
	r.start()
	r.awaitProjection("customers.1")
	r.await("the listing", func() bool {
		l, _, err := r.view.Listing(t.Context(), "customers")
		return err == nil && l.LastRun == "customers.1" && l.Watermark == moved
	})
}

// TestEmptiedRedisHeals deletes everything in Redis during a run.
func TestEmptiedRedisHeals(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.start()
	names := []string{"customers", "purchases", "returns"}
	for _, name := range names {
		r.apply(definition(name))
		for n := 1; n <= 2; n++ {
			r.command(name, schemas.CommandRun, nil)
			r.awaitRun(schemas.RunID(name, n), schemas.StateExtracting)
			r.finish(schemas.RunID(name, n), 1, 10, int64(n)*10, maximum)
			r.awaitRun(schemas.RunID(name, n), schemas.StateSucceeded)
		}
	}
	r.command("customers", schemas.CommandRun, nil)
	r.awaitRun("customers.3", schemas.StateExtracting)
	for range 3 {
		r.redis.Flush()
		for _, run := range []string{"customers.1", "customers.2", "customers.3", "purchases.1", "purchases.2", "returns.1", "returns.2"} {
			r.awaitProjection(run)
		}
	}
	r.finish("customers.3", 1, 10, 30, maximum)
	if got := r.awaitRun("customers.3", schemas.StateSucceeded); got.Counts.Loaded != 10 || r.state("customers").Watermark != moved {
		t.Errorf("closed as %+v", got)
	}
	r.awaitProjection("customers.3")
	var listings []schemas.Listing
	r.await("the listing", func() bool {
		var err error
		listings, err = r.view.Listings(t.Context())
		return err == nil && len(listings) == 3 && listings[0].LastRunState == schemas.StateSucceeded
	})
	for i, l := range listings {
		if l.Import != names[i] || l.Status != "Ready" || l.Health == nil || *l.Health != 1 {
			t.Errorf("listing %+v", l)
		}
	}
	page, err := r.view.Runs(t.Context(), projection.Query{Import: "customers", Limit: 10})
	if err != nil || len(page.Runs) != 3 || page.Runs[0].Run != "customers.3" {
		t.Errorf("runs %+v, %v", page, err)
	}
}

// TestAnOlderRedisHeals: Redis comes back from a snapshot, such as an RDB file or
// a replica that lagged, in which everything is complete but older.
func TestAnOlderRedisHeals(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.start()
	r.apply(definition("customers"))
	r.command("customers", schemas.CommandRun, nil)
	r.awaitRun("customers.1", schemas.StateExtracting)
	r.awaitProjection("customers.1")
	w := projection.NewWriter(r.redis.Client(t))
	p := schemas.ControlPartition("customers")
	upto, err := w.Progress(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	run, _, err := r.view.Run(t.Context(), "customers.1")
	if err != nil {
		t.Fatal(err)
	}
	listing, _, err := r.view.Listing(t.Context(), "customers")
	if err != nil {
		t.Fatal(err)
	}
	r.finish("customers.1", 1, 2, 0, maximum)
	r.awaitRun("customers.1", schemas.StateSucceeded)
	r.awaitShown("customers", "customers.1")

	restore := func(change projection.Progress) {
		t.Helper()
		if err := w.PutRun(t.Context(), run); err != nil {
			t.Fatal(err)
		}
		if err := w.PutListing(t.Context(), listing); err != nil {
			t.Fatal(err)
		}
		r.await("the older snapshot", func() bool {
			now, err := w.Progress(t.Context(), p)
			if err != nil {
				return false
			}
			ok, err := w.AdvanceProgress(t.Context(), p, now, change)
			return err == nil && ok
		})
	}
	restore(upto)
	r.awaitShown("customers", "customers.1")
	// A snapshot of a time since which only a listing has changed.
	now, err := w.Progress(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	restore(projection.NewProgress(now.Offset, "older"))
	r.awaitShown("customers", "customers.1")
}

// TestRunsMissedWhileRedisWasAway: while Redis was down, an owner that has stopped since
// committed more run events than a fixed look back at a takeover would cover.
func TestRunsMissedWhileRedisWasAway(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	stop := r.start()
	r.apply(definition("customers"))
	r.command("customers", schemas.CommandRun, nil)
	r.awaitRun("customers.1", schemas.StateExtracting)
	r.awaitProjection("customers.1")
	p := schemas.ControlPartition("customers")
	// Stopped before its first complete write, it would rightly be written anew.
	r.await("a complete write", func() bool { return r.completeWrites(p) != "" })
	stop()
	before := r.completeWrites(p)
	closed, later := r.run("customers.1"), r.run("customers.1")
	at := time.Now().UTC()
	closed.Run, closed.State, closed.FinishedAt = "customers.2", schemas.StateSucceeded, &at
	later.Run = "customers.3"
	var missed []*kafka.Record
	for i := range 1500 {
		event := closed
		if i > 0 {
			event = later
			event.Counts.Read = int64(i)
		}
		record, err := control.Record(r.topics.Runs(), "customers", "customers", event, "test", "test")
		if err != nil {
			t.Fatal(err)
		}
		missed = append(missed, record)
	}
	if err := r.producer.Produce(t.Context(), missed...); err != nil {
		t.Fatal(err)
	}
	r.await("the last event", func() bool { return r.run("customers.3").Counts.Read == 1499 })
	r.start()
	r.awaitProjection("customers.3")
	r.awaitProjection("customers.2")
	if after := r.completeWrites(p); after != before {
		t.Errorf("the projection was written anew, under %q after %q: it lacked the last events only", after, before)
	}
}

// completeWrites returns the id of the last complete write of the partition's projection.
func (r *rig) completeWrites(partition int32) string {
	r.t.Helper()
	mark, err := projection.NewWriter(r.redis.Client(r.t)).CompleteWrite(r.t.Context(), partition)
	if err != nil {
		r.t.Fatal(err)
	}
	return mark
}

// awaitShown waits until Redis shows the import's run and its listing as the log
// has them.
func (r *rig) awaitShown(importName, run string) {
	r.t.Helper()
	r.awaitProjection(run)
	r.await("the listing of "+importName, func() bool {
		l, _, err := r.view.Listing(r.t.Context(), importName)
		return err == nil && l.LastRun == run && l.LastRunState == r.run(run).State
	})
}
