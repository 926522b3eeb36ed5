package model

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tapline.dev/domain/suppression"
	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

const (
	// suppressedPerWorld histories share a pipeline.
	suppressedPerWorld = 8
	// suppressionBound is how long after the acknowledgement an upload may still begin
	// that holds the person, as docs/suppression.md promises.
	suppressionBound = 5 * time.Second
	peopleOfAHistory = 8
)

// TestSuppressedHistories suppresses and releases people at random times, between runs,
// within them and while records wait for a freeze. The oracle checks that nothing of a
// person arrives in a run that begins after the acknowledgement, nor later than the
// bound after it in one under way; that counts add up to the
// row; and that a person who was left out and is then released arrives with the next run.
func TestSuppressedHistories(t *testing.T) {
	count := max(2*suppressedPerWorld, *seeds/15)
	t.Logf("seeds %d to %d", *from, *from+uint64(count)-1)
	var worlds sync.WaitGroup
	for first := *from; first < *from+uint64(count); first += suppressedPerWorld {
		if *hunt {
			worlds.Wait() // one after the other
			if t.Failed() {
				break
			}
		}
		trouble := trouble{crashes: first/suppressedPerWorld%2 == 1}
		if *forced != "" {
			trouble = troubles[*forced]
		}
		worlds.Go(func() {
			t.Run(fmt.Sprintf("seeds from %d, %s", first, trouble), func(t *testing.T) { suppressedWorld(t, trouble, first) })
		})
	}
	worlds.Wait()
}

func suppressedWorld(t *testing.T, trouble trouble, first uint64) {
	w := newWorld(t, trouble)
	list, err := suppression.New(suppression.Config{Keys: suppressionKeys}, w.log)
	if err != nil {
		t.Fatal(err)
	}
	var all []*suppressedHistory
	for seed := first; seed < first+suppressedPerWorld; seed++ {
		all = append(all, newSuppressedHistory(w, seed, list))
	}
	lives := w.startAll()
	var histories sync.WaitGroup
	for _, h := range all {
		histories.Go(h.pass)
	}
	over := make(chan struct{})
	go func() {
		histories.Wait()
		close(over)
	}()
	if trouble.crashes {
		w.stir(lives, rand.New(rand.NewPCG(first, 7)), over)
	}
	<-over
	w.stopAll(lives)
	w.checkContracts()
}

// suppressedHistory is an import without a cursor, whose every run reads the whole
// table, with a CleverTap account of its own.
type suppressedHistory struct {
	w       *world
	seed    uint64
	name    string
	rng     *rand.Rand
	checker *suppression.Checker
	inbox   *inbox

	versions   map[string]int // of the people in the table
	suppressed map[string]bool
	leftOut    map[string]bool // by a run, of those who are suppressed
	owed       map[string]bool // released, and to arrive with the next run
	runs       []schemas.Run
	did        []string
}

func newSuppressedHistory(w *world, seed uint64, list *suppression.List) *suppressedHistory {
	h := &suppressedHistory{
		w: w, seed: seed, name: fmt.Sprintf("p%d", seed), rng: rand.New(rand.NewPCG(seed, 11)), inbox: newInbox(w.t),
		versions: map[string]int{}, suppressed: map[string]bool{}, leftOut: map[string]bool{}, owed: map[string]bool{},
	}
	h.checker = list.Checker(h.account())
	h.exec(`CREATE TABLE "` + h.table() + `" ("ID" VARCHAR, "V" DECIMAL(38,0))`)
	for i := range peopleOfAHistory {
		person := fmt.Sprintf("%s-k%d", h.name, i)
		h.versions[person] = 1
		h.exec(fmt.Sprintf(`INSERT INTO "%s" VALUES ('%s', 1)`, h.table(), person))
	}
	w.accountAt(h.account(), h.inbox.server.URL, schemas.CleverTapAccountSpec{RecordsPerUpload: 3, Slots: 2})
	spec := plainSpec("select * from " + h.table())
	spec.Destination.AccountRef, spec.Mapping = h.account(), []schemas.Property{{From: "V", To: "v"}}
	spec.Topic.Partitions = 2
	w.apply(h.name, spec)
	return h
}

func (h *suppressedHistory) table() string   { return "P_" + strings.ToUpper(h.name) }
func (h *suppressedHistory) account() string { return "account-" + h.name }

func (h *suppressedHistory) exec(sql string) {
	if err := h.w.snowflake.Change(h.w.t.Context(), sql); err != nil {
		h.violation("the harness cannot write: %v", err)
	}
}

func (h *suppressedHistory) violation(format string, args ...any) {
	var b strings.Builder
	for _, r := range h.runs {
		fmt.Fprintf(&b, "\n  %s %s attempt %d %+v %v %v", r.Run, r.State, r.Attempt, r.Counts, r.SkippedByReason, r.Notes)
	}
	h.w.report(fmt.Sprintf("seed %d (%s, after %v)", h.seed, h.w.trouble, h.did), fmt.Sprintf(format, args...)+"; runs:"+b.String())
}

// pass is the history from its first run to its audit.
func (h *suppressedHistory) pass() {
	for range 5 + h.rng.IntN(4) {
		h.write(h.rng.IntN(4))
		for range h.rng.IntN(4) {
			h.toggle()
		}
		within := h.rng.IntN(4)
		if !h.run(within) {
			return
		}
	}
	for person := range h.versions {
		if h.suppressed[person] && h.rng.IntN(2) == 0 {
			h.release(person)
		}
	}
	if h.run(0) {
		h.audit()
	}
}

// write gives people new versions.
func (h *suppressedHistory) write(n int) {
	for range n {
		person := h.someone()
		h.versions[person]++
		h.exec(fmt.Sprintf(`UPDATE "%s" SET "V" = %d WHERE "ID" = '%s'`, h.table(), h.versions[person], person))
	}
}

func (h *suppressedHistory) someone() string {
	return fmt.Sprintf("%s-k%d", h.name, h.rng.IntN(peopleOfAHistory))
}

func (h *suppressedHistory) toggle() {
	if person := h.someone(); h.suppressed[person] {
		h.release(person)
	} else {
		h.suppress(person)
	}
}

func (h *suppressedHistory) entry(person string) *kafka.Record {
	key, err := h.checker.New([]byte(person))
	if err != nil {
		h.violation("%v", err)
	}
	rec := h.w.record(h.w.topics.Suppressions(), "", key.String(), schemas.EventSuppress, schemas.Suppression{Since: time.Now()})
	rec.Partition = key.Partition(schemas.ControlPartitions)
	return rec
}

// suppress returns once Kafka has acknowledged it.
func (h *suppressedHistory) suppress(person string) {
	h.w.produce(h.entry(person))
	h.suppressed[person] = true
	delete(h.owed, person)
	h.did = append(h.did, "suppress "+person)
}

func (h *suppressedHistory) release(person string) {
	rec := h.entry(person)
	rec.Value, rec.Headers = nil, nil
	h.w.produce(rec)
	if h.leftOut[person] {
		h.owed[person] = true
	}
	delete(h.suppressed, person)
	delete(h.leftOut, person)
	h.did = append(h.did, "release "+person)
}

// run triggers a run and judges it. Within it nothing happens, somebody is suppressed
// at some moment, or while all of its records wait for a freeze.
func (h *suppressedHistory) run(within int) bool {
	before := map[string]bool{}
	for person := range h.suppressed {
		before[person] = true
	}
	number := len(h.runs) + 1
	id := schemas.RunID(h.name, number)
	h.inbox.begin(number)
	if within == 3 {
		h.freeze(true)
	}
	h.w.command(h.name, schemas.Command{ID: "run " + id, Kind: schemas.CommandRun})
	var late []string
	switch within {
	case 2:
		<-time.After(time.Duration(h.rng.IntN(150)) * time.Millisecond) // at some moment of the run
		late = h.suppressSome()
	case 3:
		if r, ok := h.w.board.await(id, func(r schemas.Run) bool {
			return closed(r) || r.State == schemas.StateLoading && r.Counts.Mapped+r.Counts.MapSkipped == r.Counts.Extracted
		}); !ok {
			if !h.w.broken() {
				h.violation("%s does not get on: %s", id, r.State)
			}
			return false
		}
		late = h.suppressSome()
		<-time.After(suppressionBound) // from here on the promise holds
		for _, person := range late {
			before[person] = true
		}
		h.freeze(false)
	}
	acknowledged := time.Now()
	r, ok := h.w.board.await(id, closed)
	if !ok {
		if !h.w.broken() {
			h.w.dump()
			h.violation("%s does not close: it is %s with %+v", id, r.State, r.Counts)
		}
		return false
	}
	h.runs = append(h.runs, r)
	h.judge(r, before, late, acknowledged)
	return !h.w.broken()
}

// suppressSome suppresses one to three people who are not.
func (h *suppressedHistory) suppressSome() (people []string) {
	for range 1 + h.rng.IntN(3) {
		if person := h.someone(); !h.suppressed[person] {
			h.suppress(person)
			people = append(people, person)
		}
	}
	return people
}

func (h *suppressedHistory) freeze(on bool) {
	name := "hold-" + h.name
	if on {
		h.w.resource(schemas.KindFreeze, name, schemas.FreezeSpec{Account: h.account(), By: "model"})
		// The loader holds within two seconds; a run takes its time to reach it.
		<-time.After(2 * time.Second)
		return
	}
	h.w.produce(&kafka.Record{Topic: h.w.topics.Resources(), Key: []byte(schemas.ResourceKey(schemas.KindFreeze, name))})
}

// judge compares a run with who was suppressed before it began, and in the course of it.
func (h *suppressedHistory) judge(r schemas.Run, before map[string]bool, late []string, acknowledged time.Time) {
	c := r.Counts
	skipped := c.ExtractSkipped + c.MapSkipped + c.LoadSkipped
	switch {
	case !succeeded(r):
		h.violation("%s ended as %s: %+v", r.Run, r.State, r.Error)
	case c.Read != c.Extracted+c.Unchanged+c.StillRejected+c.Future+c.ExtractRejected+c.ExtractSkipped,
		c.Extracted != c.Mapped+c.MapRejected+c.MapSkipped,
		c.Mapped != c.Loaded+c.LoadRejected+c.LoadSkipped:
		h.violation("the counts of %s do not add up", r.Run)
	case r.Attempt == 1 && (r.SkippedByReason[schemas.SkipSuppressed] != skipped || c.Read != peopleOfAHistory):
		h.violation("%s read %d rows and skipped %d, and says %v", r.Run, c.Read, skipped, r.SkippedByReason)
	case r.Attempt == 1 && (skipped < int64(len(before)-len(late)) || skipped > int64(len(h.suppressed))):
		h.violation("%s skipped %d rows; %d people were suppressed before it and %d after", r.Run, skipped, len(before), len(h.suppressed))
	}
	for _, a := range h.inbox.of(len(h.runs)) {
		switch {
		case before[a.person]:
			h.violation("%s was suppressed and arrived in %s", a.person, r.Run)
		case slices.Contains(late, a.person) && a.at.Sub(acknowledged) > suppressionBound:
			h.violation("%s arrived %s after the acknowledgement", a.person, a.at.Sub(acknowledged))
		}
	}
	for person := range h.owed {
		if !h.inbox.has(len(h.runs), person, h.versions[person]) {
			h.violation("%s was left out and released, and did not arrive with %s", person, r.Run)
		}
		delete(h.owed, person)
	}
	for person := range h.suppressed {
		// Of somebody suppressed within the run the row may be unchanged, and so stay in
		// the ledger as loaded; a version that never arrived is not.
		known := before[person] && !slices.Contains(late, person)
		if known || before[person] && h.inbox.newest(person) != h.versions[person] {
			h.leftOut[person] = true
		}
	}
}

// audit checks that CleverTap has the newest version of everybody who is not suppressed.
func (h *suppressedHistory) audit() {
	for person, version := range h.versions {
		if !h.suppressed[person] && h.inbox.newest(person) != version {
			h.violation("%s is lost: the newest version is %d, CleverTap has %d", person, version, h.inbox.newest(person))
		}
	}
	rows := 0
	for p := range int32(2) {
		_, err := h.w.reader.ReadTo(h.w.t.Context(), kafka.TP{Topic: h.w.topics.Rows(h.name), Partition: p}, 0, func(*kafka.Record) error {
			rows++
			return nil
		})
		if err != nil {
			h.violation("reading its rows: %v", err)
		}
	}
	extracted := int64(0)
	for _, r := range h.runs {
		extracted += r.Counts.Extracted
	}
	if int64(rows) != extracted {
		h.violation("the rows topic holds %d rows, and %d were extracted", rows, extracted)
	}
}
