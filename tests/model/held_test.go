package model

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"tapline.dev/schemas"
)

// TestHeldRunsThroughKills: each run is too large, a service is killed while it is held or
// while the answer to it is on its way, and in some runs Snowflake has lost the result by
// then. No row is sent before an approval, none of a declined run, and all of an approved
// one.
func TestHeldRunsThroughKills(t *testing.T) {
	t.Parallel()
	const table, rows = "HELD", 43
	w := newWorld(t, trouble{crashes: true})
	w.kafka.SessionTimeout = 2 * time.Second
	rng := rand.New(rand.NewPCG(*from, 17))
	if err := w.snowflake.Exec(t.Context(), `CREATE TABLE "`+table+`" ("ID" DECIMAL(38,0), "AT" TIMESTAMP_NS)`); err != nil {
		t.Fatal(err)
	}
	w.fill(table, rows)
	spec := plainSpec("select * from " + table)
	spec.Limits.Hold = &schemas.HoldLimits{Rows: rows - 1}
	w.apply("held", spec)
	w.lives = w.startAll()
	approved := false
	for number := 1; number <= 8; number++ {
		id := schemas.RunID("held", number)
		killed, approves, lost := parts[rng.IntN(len(parts))], rng.IntN(3) > 0, rng.IntN(3) == 0
		step := fmt.Sprintf("%s, %s killed, approved %v, result lost %v", id, killed, approves, lost)
		w.command("held", schemas.Command{ID: id, Kind: schemas.CommandRun})
		held, ok := w.board.await(id, func(r schemas.Run) bool { return r.State == schemas.StateHeld || closed(r) })
		if !ok || held.State != schemas.StateHeld || held.HeldBecause.Records != rows {
			t.Fatalf("%s: the run is %+v", step, held)
		}
		if n := len(w.rows("held")); n > 0 && !approved {
			t.Fatalf("%s: %d rows were sent before an approval", step, n)
		}
		w.breakChunks(map[string]any{"loseResults": lost})
		killing := make(chan struct{})
		go func() {
			defer close(killing)
			w.lives[killed] = w.crash(killed, w.lives[killed], 1+rng.IntN(5), 300*time.Millisecond)
		}()
		kind, want := schemas.CommandDecline, schemas.StateCancelled
		if approves {
			kind, want = schemas.CommandApprove, schemas.StateSucceeded
		}
		w.command("held", schemas.Command{ID: "answer " + id, Kind: kind, Run: id})
		<-killing
		if lost && approves {
			if r, ok := w.board.await(id, func(r schemas.Run) bool { return r.Attempt > 1 || closed(r) }); !ok || r.Attempt < 2 {
				t.Fatalf("%s: the run is %+v", step, r)
			}
		}
		w.breakChunks(nil)
		r, ok := w.board.await(id, closed)
		if !ok || r.State != want || approves && r.Counts.Read != rows || !approves && r.Counts.Read != 0 {
			t.Fatalf("%s: the run is %+v, %+v", step, r, r.Error)
		}
		approved = approved || approves
	}
	if n := len(w.rows("held")); n < rows {
		t.Errorf("%d of %d rows were sent", n, rows)
	}
}
