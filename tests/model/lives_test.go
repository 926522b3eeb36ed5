package model

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// TestLivesThroughKills: two imports of profiles and one of events begin at an instant, and
// then people plan runs, stop them and let them go on, make them drafts and real ones again,
// read spans again and send runs again, in a random order and of all imports at once, while
// a random service is killed. The oracle knows the rows and what was asked: which runs there
// are, when they begin and how they end, what has reached CleverTap under which mapping, and
// where the watermarks stand.
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
			rng := rand.New(rand.NewPCG(seed, 31))
			all := []*life{
				{name: fmt.Sprint("life", seed)}, {name: fmt.Sprint("other", seed), base: 1000}, {name: fmt.Sprint("events", seed), base: 2000, events: true},
			}
			steps := make([][]func(), len(all))
			for i, l := range all {
				l.w, l.t, l.rng, l.generation = w, t, rand.New(rand.NewPCG(seed, uint64(31+i))), 1
				l.define()
				steps[i] = l.steps()
			}
			w.lives = w.startAll()
			for _, l := range all {
				l.begin()
			}
			for n := range steps[0] {
				killed := parts[rng.IntN(len(parts))]
				writes := 1 + rng.IntN(20)
				killing := make(chan struct{})
				go func() {
					defer close(killing)
					w.lives[killed] = w.crash(killed, w.lives[killed], writes, 300*time.Millisecond)
				}()
				t.Run(fmt.Sprintf("%d with %s killed", n, killed), func(t *testing.T) {
					for i, l := range all {
						t.Run(l.name, func(t *testing.T) {
							t.Parallel()
							l.t = t
							steps[i][n]()
						})
					}
				})
				<-killing
				if t.Failed() {
					return
				}
			}
			for _, l := range all {
				l.t = t
				if s := l.state(); s.LastNumber != l.runs || s.Active != nil || s.Queued != nil || len(s.Planned) > 0 {
					t.Errorf("%s: %d runs were asked for, and the state is %+v", l.name, l.runs, s)
				}
			}
			w.stopAll(w.lives)
			w.checkContracts()
		})
	}
}

// steps are what happens to the import: everything once, something twice, and a run.
func (l *life) steps() []func() {
	steps := []func(){l.runNow, l.runAt, l.stopAndResume, l.draft, l.backfill, l.resend}
	steps = append(steps, steps[l.rng.IntN(len(steps))], steps[l.rng.IntN(len(steps))])
	l.rng.Shuffle(len(steps), func(i, j int) { steps[i], steps[j] = steps[j], steps[i] })
	return append(steps, l.runNow)
}

// life is an import and what the oracle knows of it.
type life struct {
	w          *world
	t          *testing.T
	rng        *rand.Rand
	name       string
	events     bool
	base       int // of its identities, which no other import has
	generation int
	rows       int    // row n has the identity base+n and the cursor minute n
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
		sql := fmt.Sprintf(`INSERT INTO "%s" VALUES (%d, TIMESTAMP_NS '%s')`, l.table(), l.base+l.rows, l.minute(l.rows).Format(time.DateTime))
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
	if l.events {
		// Events with the time of their run could not be sent again.
		spec.Destination.Type, spec.Destination.Event = schemas.TypeEvent, &schemas.EventSpec{Name: l.event(), CreatedOn: &schemas.CreatedOn{Column: "AT"}}
	}
	spec.Mapping = []schemas.Property{{From: "ID", To: "id"}, {From: "ID", To: l.mark()}}
	l.w.applyGeneration(l.name, spec, l.generation)
	l.generation++
}

func (l *life) mark() string { return fmt.Sprintf("mark%d", l.marks) }

func (l *life) event() string { return "Lived " + l.name }

// define makes the table and the definition.
func (l *life) define() {
	if err := l.w.snowflake.Exec(l.t.Context(), fmt.Sprintf(`CREATE TABLE "%s" ("ID" DECIMAL(38,0), "AT" TIMESTAMP_NS)`, l.table())); err != nil {
		l.t.Fatal(err)
	}
	l.insert(20)
	l.first = 5 + l.rng.IntN(10)
	l.apply(false)
}

func (l *life) begin() {
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
		if l.stored(row) != "" {
			l.t.Errorf("%s: row %d was sent, and the import began at row %d", what, row, l.first)
		}
	}
	return r
}

// stored is what CleverTap has of a row, its events if the import is of events; "" if it has
// nothing.
func (l *life) stored(row int) string {
	l.t.Helper()
	if !l.events {
		status, profile := l.w.atCleverTap(fmt.Sprintf("/sandbox/v1/profiles/%d", l.base+row))
		if status != 200 {
			return ""
		}
		return string(profile)
	}
	_, raw := l.w.atCleverTap(fmt.Sprintf("/sandbox/v1/events?identity=%d&name=%s", l.base+row, url.QueryEscape(l.event())))
	var list struct{ Items []json.RawMessage }
	if err := json.Unmarshal(raw, &list); err != nil {
		l.t.Fatalf("%v: %s", err, raw)
	}
	var all strings.Builder
	for _, e := range list.Items {
		all.Write(e)
	}
	return all.String()
}

// marked checks which of the loaded rows have the newest mark.
func (l *life) marked(what string, is func(row int) bool) {
	l.t.Helper()
	for row := l.first; row <= l.loaded; row++ {
		if got := strings.Contains(l.stored(row), `"`+l.mark()+`"`); got != is(row) {
			l.t.Errorf("%s: row %d has the mark: %v", what, row, got)
		}
	}
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
