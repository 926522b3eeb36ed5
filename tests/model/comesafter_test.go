package model

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"tapline.dev/schemas"
)

const (
	afterGrace = 1500 * time.Millisecond
	afterLimit = 6 * time.Second
	afterRuns  = 7 // of the import that the other comes after
)

// TestRunsComeAfterOthers: an import has a schedule and comes after another one, whose runs
// succeed, fail and are cancelled, and whose scheduler is killed and restarted. None of its
// scheduled runs may begin while a run of the other is under way, or after one that did not
// succeed.
func TestRunsComeAfterOthers(t *testing.T) {
	worlds := uint64(3)
	if raced { // make test-large makes the others
		worlds = 1
	}
	for seed := *from; seed < *from+worlds; seed++ {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			a := &ordered{t: t, rng: rand.New(rand.NewPCG(seed, 29)), world: newWorld(t, trouble{crashes: true})}
			a.pass()
		})
	}
}

// ordered are two imports, of which one comes after the other.
type ordered struct {
	*world
	t   *testing.T
	rng *rand.Rand
}

func (o *ordered) pass() {
	o.afterGrace, o.afterLimit = afterGrace, afterLimit
	exec := func(sql string) {
		if err := o.snowflake.Exec(o.t.Context(), sql); err != nil {
			o.t.Fatal(err)
		}
	}
	const away, back = `ALTER TABLE "FIRST" RENAME TO "AWAY"`, `ALTER TABLE "AWAY" RENAME TO "FIRST"`
	exec(`CREATE TABLE "FIRST" ("ID" DECIMAL(38,0))`)
	exec(`INSERT INTO "FIRST" SELECT i FROM range(60) t(i)`)
	exec(`CREATE TABLE "SECOND" AS SELECT * FROM "FIRST"`)
	o.apply("first", plainSpec("select * from FIRST"))
	spec := plainSpec("select * from SECOND")
	spec.After, spec.Schedules = []string{"first"}, []schemas.Schedule{{Every: schemas.Duration(time.Second)}}
	o.apply("second", spec)
	o.lives = o.startAll()
	for n := 1; n <= afterRuns; n++ {
		run := schemas.RunID("first", n)
		what := o.rng.IntN(5)
		if what == 0 {
			exec(away)
		}
		o.put("http://"+o.snowflake.Addr()+"/sandbox/v1/snowflake/faults", map[string]any{"slowQueryMs": o.rng.IntN(1500)})
		o.command("first", schemas.Command{ID: run, Kind: schemas.CommandRun})
		switch o.rng.IntN(4) {
		case 0:
			o.restart("scheduler", func() {})
		case 1:
			o.kill("scheduler", 1+o.rng.IntN(30))
		}
		if what == 1 {
			o.command("first", schemas.Command{ID: "cancel " + run, Kind: schemas.CommandCancel, Run: run})
		}
		if r, ok := o.board.await(run, closed); !ok {
			o.t.Fatalf("%s does not close: %+v", run, r)
		}
		if what == 0 {
			exec(back)
		}
		time.Sleep(afterGrace + time.Duration(o.rng.Int64N(int64(3*afterGrace)))) // the other import's turn
	}
	o.command("second", schemas.Command{ID: "stop", Kind: schemas.CommandPause})
	if began := o.judge(); began == 0 {
		o.t.Errorf("no run began after the other import: nothing is shown")
	}
}

// judge compares each run of the second import with those of the first, and returns how
// many began.
func (o *ordered) judge() (began int) {
	o.board.mu.Lock()
	var firsts, seconds []schemas.Run
	for _, r := range o.board.runs {
		switch r.Import {
		case "first":
			firsts = append(firsts, r)
		case "second":
			seconds = append(seconds, r)
		}
	}
	o.board.mu.Unlock()
	byStart := func(a, b schemas.Run) int { return a.StartedAt.Compare(b.StartedAt) }
	slices.SortFunc(firsts, byStart)
	slices.SortFunc(seconds, byStart)
	refused := 0
	for _, s := range seconds {
		if s.Error != nil && s.Error.Code == "after_not_succeeded" {
			refused++
		}
		if s.Attempt == 0 || s.State == schemas.StateQueued || s.Error != nil && s.Error.Code == "after_not_succeeded" {
			continue // it never began
		}
		began++
		var newest *schemas.Run // of the first import, that began before
		for i := range firsts {
			if firsts[i].StartedAt.Before(s.StartedAt) {
				newest = &firsts[i]
			}
		}
		switch {
		// One that began a moment before may not have been seen.
		case newest == nil || newest.StartedAt.Add(afterGrace).After(s.StartedAt) || processPace.stumbled(s.StartedAt.Add(-2*afterGrace)):
		case newest.FinishedAt == nil || newest.FinishedAt.After(s.StartedAt):
			o.t.Errorf("%s began at %s, within %s, which began at %s and ended at %v", s.Run, s.StartedAt, newest.Run, newest.StartedAt, newest.FinishedAt)
		case !succeeded(*newest):
			o.t.Errorf("%s began at %s after %s, which was %s at %s", s.Run, s.StartedAt, newest.Run, newest.State, newest.FinishedAt)
		}
	}
	o.t.Logf("%d runs came after %d, %d were refused", began, len(firsts), refused)
	return began
}
