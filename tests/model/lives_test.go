package model

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// TestLivesThroughKills: an import begins at an instant, and then people plan runs, stop it
// and let it go on, make it a draft and a real one again, read spans again and send runs
// again, in a random order, while a random service is killed. The oracle knows the rows and
// what was asked: which runs there are, when they begin and how they end, which profiles
// have the newest mapping, and where the watermark stands.
func TestLivesThroughKills(t *testing.T) {
	lives := uint64(3)
	if raced { // make test-large makes the others
		lives = 1
	}
	for seed := *from; seed < *from+lives; seed++ {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, trouble{crashes: true})
			w.kafka.SessionTimeout = 2 * time.Second
			l := &life{w: w, t: t, rng: rand.New(rand.NewPCG(seed, 31)), name: fmt.Sprint("life", seed), generation: 1}
			l.begin()
			steps := []func(){l.runNow, l.runAt, l.stopAndResume, l.draft, l.backfill, l.resend}
			steps = append(steps, steps[l.rng.IntN(len(steps))], steps[l.rng.IntN(len(steps))])
			l.rng.Shuffle(len(steps), func(i, j int) { steps[i], steps[j] = steps[j], steps[i] })
			for _, step := range append(steps, l.runNow) {
				killed := parts[l.rng.IntN(len(parts))]
				writes := 1 + l.rng.IntN(20)
				killing := make(chan struct{})
				go func() {
					defer close(killing)
					w.lives[killed] = w.crash(killed, w.lives[killed], writes, 300*time.Millisecond)
				}()
				step()
				<-killing
				if t.Failed() {
					t.Logf("the last step was with %s killed", killed)
					return
				}
			}
			if s := l.state(); s.LastNumber != l.runs || s.Active != nil || s.Queued != nil || len(s.Planned) > 0 {
				t.Errorf("%d runs were asked for, and the state is %+v", l.runs, s)
			}
			w.stopAll(w.lives)
			w.checkContracts()
		})
	}
}

// life is an import of profiles and what the oracle knows of it.
type life struct {
	w          *world
	t          *testing.T
	rng        *rand.Rand
	name       string
	generation int
	rows       int    // row n has the identity n and the cursor minute n
	first      int    // the first row that any run but a backfill may read
	loaded     int    // the newest row that a run has read
	runs       int    // that have a number
	watermark  string // after the newest of them
	marks      int    // mappings so far, each of which sets another property
}

func (l *life) minute(n int) time.Time {
	return time.Date(2026, 5, 1, 0, n, 0, 0, time.UTC)
}

func (l *life) insert(n int) {
	l.t.Helper()
	for range n {
		l.rows++
		sql := fmt.Sprintf(`INSERT INTO "%s" VALUES (%d, TIMESTAMP_NS '%s')`, l.table(), l.rows, l.minute(l.rows).Format(time.DateTime))
		if err := l.w.snowflake.Change(l.t.Context(), sql); err != nil {
			l.t.Fatal(err)
		}
	}
}

func (l *life) table() string { return strings.ToUpper(l.name) }

// apply writes the definition, with a mapping that sets the newest mark.
func (l *life) apply(draft bool) {
	spec := plainSpec("select * from " + l.table())
	spec.Source.Cursor = &schemas.Cursor{Column: "AT", Lookback: schemas.Duration(5 * time.Minute)}
	spec.Draft = draft
	spec.Mapping = []schemas.Property{{From: "ID", To: "id"}, {From: "ID", To: l.mark()}}
	l.w.applyGeneration(l.name, spec, l.generation)
	l.generation++
}

func (l *life) mark() string { return fmt.Sprintf("mark%d", l.marks) }

func (l *life) begin() {
	if err := l.w.snowflake.Exec(l.t.Context(), fmt.Sprintf(`CREATE TABLE "%s" ("ID" DECIMAL(38,0), "AT" TIMESTAMP_NS)`, l.table())); err != nil {
		l.t.Fatal(err)
	}
	l.insert(20)
	l.first = 5 + l.rng.IntN(10)
	l.apply(false)
	l.w.lives = l.w.startAll()
	l.command(schemas.Command{Kind: schemas.CommandRunFrom, From: schemas.FormatInstant(l.minute(l.first))})
	l.succeeds("the first run", l.rows-l.first+1)
	l.loaded = l.rows
}

func (l *life) command(c schemas.Command) {
	c.ID = fmt.Sprintf("%s %d %d", c.Kind, l.runs, l.generation)
	l.w.command(l.name, c)
}

// closes waits for the end of the next run, which must be the newest one.
func (l *life) closes(what string) schemas.Run {
	l.t.Helper()
	l.runs++
	id := schemas.RunID(l.name, l.runs)
	r, ok := l.w.board.await(id, closed)
	if !ok {
		l.t.Fatalf("%s: %s does not close: %+v", what, id, r)
	}
	l.w.board.mu.Lock()
	defer l.w.board.mu.Unlock()
	if more, ok := l.w.board.runs[schemas.RunID(l.name, l.runs+1)]; ok {
		l.t.Errorf("%s: nobody has asked for %s, which is %s", what, more.Run, more.State)
	}
	return r
}

// succeeds waits for the next run, which must succeed and, unless least is 0, read that many
// rows at least. Runs that follow the cursor must begin where the one before has ended.
func (l *life) succeeds(what string, least int) schemas.Run {
	l.t.Helper()
	r := l.closes(what)
	if r.State != schemas.StateSucceeded || r.Counts.Read < int64(least) {
		l.t.Fatalf("%s: %s is %s with %+v, %+v", what, r.Run, r.State, r.Counts, r.Error)
	}
	if r.Mode != schemas.ModeBackfill && r.Mode != schemas.ModeResend {
		if r.WatermarkFrom != l.watermark {
			l.t.Errorf("%s: %s began at %q, and the run before it left %q", what, r.Run, r.WatermarkFrom, l.watermark)
		}
		l.watermark = r.WatermarkTo
	}
	for row := 1; row < l.first; row++ {
		if status, _ := l.w.atCleverTap(fmt.Sprintf("/sandbox/v1/profiles/%d", row)); status == 200 {
			l.t.Errorf("%s: row %d was sent, and the import began at row %d", what, row, l.first)
		}
	}
	return r
}

// marked checks which of the loaded rows have the newest mark.
func (l *life) marked(what string, is func(row int) bool) {
	l.t.Helper()
	for row := l.first; row <= l.loaded; row++ {
		_, profile := l.w.atCleverTap(fmt.Sprintf("/sandbox/v1/profiles/%d", row))
		if got := strings.Contains(string(profile), `"`+l.mark()+`"`); got != is(row) {
			l.t.Errorf("%s: row %d has the mark: %v", what, row, got)
		}
	}
}

func (l *life) runNow() {
	l.insert(l.rng.IntN(4))
	l.command(schemas.Command{Kind: schemas.CommandRun})
	l.succeeds("a run", 0)
	l.loaded = l.rows
	if status, _ := l.w.atCleverTap(fmt.Sprintf("/sandbox/v1/profiles/%d", l.rows)); status != 200 {
		l.t.Errorf("a run: row %d is not at CleverTap", l.rows)
	}
}

func (l *life) runAt() {
	l.insert(1)
	at := time.Now().Add(time.Duration(100+l.rng.IntN(1500)) * time.Millisecond)
	l.command(schemas.Command{Kind: schemas.CommandRunAt, At: &at})
	r := l.succeeds("a planned run", 0)
	l.loaded = l.rows
	if r.StartedAt.Before(at) {
		l.t.Errorf("a planned run: %s began at %s, planned for %s", r.Run, r.StartedAt, at)
	}
}

// stopAndResume plans a run, stops the import, asks for a run, and lets it go on.
func (l *life) stopAndResume() {
	at := time.Now().Add(time.Hour)
	l.command(schemas.Command{Kind: schemas.CommandRunAt, At: &at})
	l.command(schemas.Command{Kind: schemas.CommandStop})
	if r := l.closes("a stop"); r.State != schemas.StateCancelled {
		l.t.Errorf("a stop: the planned run %s is %s", r.Run, r.State)
	}
	l.w.command(l.name, schemas.Command{ID: fmt.Sprint("refused ", l.runs), Kind: schemas.CommandRun})
	l.command(schemas.Command{Kind: schemas.CommandResume})
	l.runNow()
}

// draft makes the import a draft, asks for a run, and makes it a real one again.
func (l *life) draft() {
	l.apply(true)
	l.w.command(l.name, schemas.Command{ID: fmt.Sprint("refused ", l.runs), Kind: schemas.CommandRun})
	// The definition must not be read before the command.
	id := fmt.Sprint("refused ", l.runs)
	until(l.t, "the scheduler has the command", func() bool { return slices.Contains(l.state().Keys, id) })
	l.apply(false)
	l.runNow()
}

// backfill reads a span again, with another mapping: the rows of the span have its mark, no
// others have, and the watermark stays.
func (l *life) backfill() {
	low := l.first + l.rng.IntN(l.loaded-l.first)
	high := low + 1 + l.rng.IntN(l.loaded-low)
	l.marks++
	l.apply(false)
	l.command(schemas.Command{Kind: schemas.CommandBackfill, From: schemas.FormatInstant(l.minute(low)), To: schemas.FormatInstant(l.minute(high))})
	r := l.succeeds("a backfill", high-low)
	if r.Attempt == 1 && r.Counts.Read != int64(high-low) {
		l.t.Errorf("a backfill: %s read %d rows of %d", r.Run, r.Counts.Read, high-low)
	}
	l.marked("a backfill", func(row int) bool { return row >= low && row < high })
}

// resend sends all that earlier runs have loaded, with another mapping.
func (l *life) resend() {
	l.marks++
	l.apply(false)
	l.command(schemas.Command{Kind: schemas.CommandResend, Runs: &schemas.RunSpan{First: 1, Last: l.runs}})
	l.succeeds("a resend", l.loaded-l.first+1)
	l.marked("a resend", func(int) bool { return true })
}

// state is the import's newest state.
func (l *life) state() (s schemas.State) {
	l.t.Helper()
	tp := kafka.TP{Topic: l.w.topics.State(), Partition: schemas.ControlPartition(l.name)}
	_, err := l.w.reader.ReadTo(l.t.Context(), tp, 0, func(r *kafka.Record) error {
		if string(r.Key) != l.name || r.Value == nil {
			return nil
		}
		s = schemas.State{}
		return json.Unmarshal(r.Value, &s)
	})
	if err != nil {
		l.t.Fatal(err)
	}
	return s
}
