package mapper

import (
	"encoding/json"
	"testing"
	"time"

	"tapline.dev/domain/control"
	"tapline.dev/schemas"
)

// TestAMapperTellsItsTime: it answers each question for it once, with what the scheduler
// said when it took the question up.
func TestAMapperTellsItsTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	defer w.start(nil)()
	asked := time.Now().Add(-time.Hour).UTC().Truncate(time.Second)
	ask := func(run string) {
		rec, err := control.Record(w.topics.State(), "clocks-1", run, schemas.State{Import: "clocks-1", LastNumber: 7, Active: &schemas.ActiveRun{
			Run: run, Number: 7, Attempt: 1, Mode: schemas.ModeClocks, State: schemas.StateExtracting, StartedAt: asked,
		}}, "test", "test")
		if err != nil {
			t.Fatal(err)
		}
		w.produce(rec)
	}
	before := time.Now()
	answers := func() (out []schemas.Report) {
		for _, r := range w.read(w.topics.Reports(), schemas.ControlPartitions) {
			var report schemas.Report
			if err := json.Unmarshal(r.Value, &report); err != nil {
				t.Fatal(err)
			}
			out = append(out, report)
		}
		return out
	}
	// The first question stays open while the second is answered: it gets no second answer.
	for i, run := range []string{"clocks-1.p7", "clocks-1.p8"} {
		ask(run)
		for deadline := time.Now().Add(30 * time.Second); len(answers()) <= i; time.Sleep(10 * time.Millisecond) { // between looks
			if time.Now().After(deadline) {
				t.Fatalf("no answer to %s", run)
			}
		}
		got := answers()[i]
		if got.Run != run || got.Kind != schemas.ReportClocks || !got.Clocks.Scheduler.Equal(asked) || got.Clocks.Mapper.Before(before) || got.Clocks.Mapper.After(time.Now()) {
			t.Errorf("the answer is %+v with %+v", got, got.Clocks)
		}
	}
	if n := len(answers()); n != 2 {
		t.Errorf("%d answers to two questions", n)
	}
}

// TestMappersBesideTheOwner: whoever owns a question's partition ends it, after the others
// have had their look; whoever would never be asked answers beside it, once; and if such a
// mapper becomes the owner, it ends the question.
func TestMappersBesideTheOwner(t *testing.T) {
	t.Parallel()
	looks := func(n int, owns, ownsAny bool, a *clockAnswer) (given string) {
		for range n {
			beside, due := a.look(owns, ownsAny)
			switch {
			case !due:
				given += "-"
			case beside:
				given += "b"
			default:
				given += "o"
			}
			if due {
				a.given(beside, true)
			}
		}
		return given
	}
	var owner, other, idle, failing clockAnswer
	if got := looks(5, true, true, &owner); got != "--o--" {
		t.Errorf("the owner gives %s", got)
	}
	if got := looks(5, false, true, &other); got != "-----" {
		t.Errorf("a mapper that is asked another question gives %s", got)
	}
	if got := looks(3, false, false, &idle) + looks(2, true, true, &idle); got != "b--o-" {
		t.Errorf("a mapper without a partition, which then gets it, gives %s", got)
	}
	if beside, due := failing.look(false, false); !beside || !due {
		t.Error("nothing is due at first")
	}
	failing.given(true, false)
	if _, due := failing.look(false, false); !due {
		t.Error("what could not be written is not tried again")
	}
}
