package scheduler_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/domain/control"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/schemas"
)

func TestRunFromCommandToWatermark(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.start()
	r.apply(definition("customers"))
	key := r.command("customers", schemas.CommandRun, nil)
	r.awaitRun("customers.1", schemas.StateExtracting)
	if s := r.state("customers"); s.Active == nil || s.Active.Key != key || s.Epoch != 1 {
		t.Fatalf("the state does not show the run: %+v", s)
	}
	r.finish("customers.1", 1, 10, 0, maximum)
	got := r.awaitRun("customers.1", schemas.StateSucceeded)
	want := schemas.Counts{Read: 10, Extracted: 10, Mapped: 10, Loaded: 10}
	if diff := cmp.Diff(want, got.Counts); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	if got.WatermarkTo != moved || got.QueryID != "q-customers.1" || got.Total != 10 || got.FinishedAt == nil {
		t.Errorf("closed as %+v", got)
	}
	s := r.state("customers")
	if s.Watermark != moved || s.Active != nil || s.Ledger == nil {
		t.Errorf("state after the close: %+v", s)
	}
	r.awaitProjection("customers.1")

	r.command("customers", schemas.CommandRun, nil)
	r.awaitRun("customers.2", schemas.StateExtracting)
	triggers := r.triggers("customers")
	if len(triggers) != 2 || triggers[0].Mode != schemas.ModeFull || triggers[1].Mode != schemas.ModeIncremental || triggers[1].Watermark != moved || triggers[1].Ledger == nil {
		t.Errorf("triggers: %+v", triggers)
	}
}

// TestStopAndStartAtEveryReport stops the scheduler between any two reports of a
// run: what comes after counts on top of what came before, once.
func TestStopAndStartAtEveryReport(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.apply(definition("customers"))
	r.command("customers", schemas.CommandRun, nil)
	stop := r.start()
	r.awaitRun("customers.1", schemas.StateExtracting)
	e := schemas.Extraction{Chunks: 1, Read: 5, Extracted: 4, Rejected: 1, RejectsByCode: map[string]int64{"row_unreadable": 1}, ByPartition: []int64{4, 0}, Maximum: maximum}
	for _, edit := range []func(*schemas.Report){
		func(x *schemas.Report) { x.Started = &schemas.Started{QueryID: "q", Total: 5} },
		func(x *schemas.Report) { x.Chunk = &e },
		func(x *schemas.Report) { x.Mapped = &schemas.Mapped{Mapped: 3} },
		func(x *schemas.Report) {
			x.Receipt = &schemas.Receipt{Ranges: []schemas.Range{{Prev: -1, From: 0, To: 1}}}
		},
		func(x *schemas.Report) { x.Final = &schemas.Final{Extraction: e, Clock: clock} },
		func(x *schemas.Report) {
			x.Receipt = &schemas.Receipt{Ranges: []schemas.Range{{Prev: 0, From: 1, To: 1}}}
		},
		func(x *schemas.Report) { x.Mapped = &schemas.Mapped{RejectsByCode: map[string]int64{"date_format": 1}} },
	} {
		r.report("customers.1", 1, edit)
		r.awaitTaken("customers")
		stop()
		stop = r.start()
	}
	r.awaitRun("customers.1", schemas.StateLoading)
	r.report("customers.1", 1, func(x *schemas.Report) {
		x.Receipt = &schemas.Receipt{Ranges: []schemas.Range{{Prev: 1, From: 4, To: 4}}}
	})
	got := r.awaitRun("customers.1", schemas.StateSucceededWithRejects)
	want := schemas.Counts{Read: 5, Extracted: 4, ExtractRejected: 1, Mapped: 3, MapRejected: 1, Loaded: 3, Resent: 1}
	if diff := cmp.Diff(want, got.Counts); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
}

// TestZombieWritesNothing: the open transaction of an owner that is fenced never becomes
// visible, and an owner that is fenced takes over again.
func TestZombieWritesNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	id := fmt.Sprintf("scheduler-%d", schemas.ControlPartition("customers"))
	zombie, err := kafka.OpenTransactor(t.Context(), r.cfg.Kafka, kafkatest.Deps(), id)
	if err != nil {
		t.Fatal(err)
	}
	defer zombie.Close()
	if err := zombie.Begin(); err != nil {
		t.Fatal(err)
	}
	bogus, err := control.Record(r.topics.State(), "customers", "customers", schemas.State{Import: "customers", Epoch: 77, LastNumber: 77}, "state", "test")
	if err != nil {
		t.Fatal(err)
	}
	zombie.Produce(bogus)
	r.apply(definition("customers"))
	r.command("customers", schemas.CommandRun, nil)
	r.start()
	r.awaitRun("customers.1", schemas.StateExtracting)
	if err := zombie.Commit(t.Context()); err == nil {
		t.Error("the zombie's transaction was committed")
	}
	if s := r.state("customers"); s.Epoch != 1 {
		t.Errorf("the zombie's state is visible: %+v", s)
	}

	// Another process takes the transactional id while the group still names this
	// one as owner.
	usurper, err := kafka.OpenTransactor(t.Context(), r.cfg.Kafka, kafkatest.Deps(), id)
	if err != nil {
		t.Fatal(err)
	}
	defer usurper.Close()
	r.finish("customers.1", 1, 10, 0, maximum)
	got := r.awaitRun("customers.1", schemas.StateSucceeded)
	if got.Counts.Loaded != 10 || got.WatermarkTo != moved {
		t.Errorf("closed as %+v", got)
	}
}

// TestTwoSchedulers: they share the partitions. When one stops, the other continues its
// runs.
func TestTwoSchedulers(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	stop := r.start()
	r.start()
	names := make([]string, 8)
	for i := range names {
		names[i] = fmt.Sprintf("import-%d", i)
		r.apply(definition(names[i]))
		r.command(names[i], schemas.CommandRun, nil)
	}
	for _, name := range names {
		r.awaitRun(name+".1", schemas.StateExtracting)
	}
	stop()
	for _, name := range names {
		r.finish(name+".1", 1, 10, 0, maximum)
	}
	for _, name := range names {
		if got := r.awaitRun(name+".1", schemas.StateSucceeded); got.Counts.Loaded != 10 {
			t.Errorf("%s: %+v", name, got.Counts)
		}
		if n := len(r.triggers(name)); n != 1 {
			t.Errorf("%s was triggered %d times", name, n)
		}
	}
}

// TestRunUsesTheDefinitionBeforeIt: a run that is asked for right after an apply
// uses what was applied.
func TestRunUsesTheDefinitionBeforeIt(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.start()
	for generation := 1; generation <= 5; generation++ {
		def := definition("customers")
		def.Generation, def.Spec.Source.Table = generation, fmt.Sprint("T", generation)
		r.apply(def)
		r.command("customers", schemas.CommandRun, nil)
		run := schemas.RunID("customers", generation)
		r.awaitRun(run, schemas.StateExtracting)
		trigger := r.triggers("customers")[generation-1]
		if trigger.Generation != generation || trigger.Epoch != generation || trigger.Mode != schemas.ModeFull {
			t.Fatalf("generation %d: trigger %+v", generation, trigger)
		}
		r.finish(run, 1, 2, int64(generation)*10, maximum)
		r.awaitRun(run, schemas.StateSucceeded)
	}
}

// TestQueueCancelAndRetry: a run is queued, one is cancelled, one is tried again.
func TestQueueCancelAndRetry(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.start()
	r.apply(definition("customers"))
	r.command("customers", schemas.CommandRun, nil)
	r.awaitRun("customers.1", schemas.StateExtracting)
	r.command("customers", schemas.CommandRun, nil)
	r.awaitRun("customers.2", schemas.StateQueued)
	r.awaitProjection("customers.2")
	r.report("customers.1", 1, func(x *schemas.Report) {
		x.Abandoned = &schemas.Abandoned{Extraction: schemas.Extraction{Chunks: 1, Read: 2, Extracted: 2, ByPartition: []int64{2, 0}}, Code: "result_lost", Reason: "gone"}
	})
	r.await("the second attempt", func() bool { return len(r.triggers("customers")) == 2 })
	r.report("customers.1", 1, func(x *schemas.Report) { x.Mapped = &schemas.Mapped{Skipped: map[string]int64{schemas.SkipClosed: 2}} })
	r.finish("customers.1", 2, 10, 0, maximum)
	got := r.awaitRun("customers.1", schemas.StateSucceeded)
	if got.Attempt != 2 || got.Counts.Read != 12 || got.Counts.MapSkipped != 2 || got.Counts.Loaded != 10 {
		t.Errorf("closed as %+v", got)
	}
	r.awaitRun("customers.2", schemas.StateExtracting)
	r.command("customers", schemas.CommandCancel, func(c *schemas.Command) { c.Run = "customers.2" })
	r.await("the ending", func() bool { a := r.state("customers").Active; return a != nil && a.Ending != nil })
	r.report("customers.2", 1, func(x *schemas.Report) { x.Final = &schemas.Final{Early: true, Clock: clock} })
	r.awaitRun("customers.2", schemas.StateCancelled)
	if s := r.state("customers"); s.Watermark != moved || s.Active != nil {
		t.Errorf("state %+v", s)
	}
}

// TestAfter: a run waits until the run of another import has closed, whose partition may
// have another owner.
func TestAfter(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.start()
	def := definition("purchases")
	def.Spec.After = []string{"customers"}
	r.apply(def)
	r.apply(definition("customers"))
	r.command("customers", schemas.CommandRun, nil)
	r.awaitRun("customers.1", schemas.StateExtracting)
	r.command("purchases", schemas.CommandRun, nil)
	r.awaitRun("purchases.1", schemas.StateQueued)
	r.finish("customers.1", 1, 10, 0, maximum)
	first := r.awaitRun("customers.1", schemas.StateSucceeded)
	second := r.awaitRun("purchases.1", schemas.StateExtracting)
	if second.StartedAt.Before(*first.FinishedAt) {
		t.Errorf("purchases began %s before customers was over", first.FinishedAt.Sub(second.StartedAt))
	}
}
