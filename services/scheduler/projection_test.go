package scheduler_test

import (
	"testing"

	"tapline.dev/libs/projection"
	"tapline.dev/schemas"
)

// TestProjectionCatchesUp: Redis is away while a run closes, and the scheduler
// that closed it is gone when Redis is back.
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
