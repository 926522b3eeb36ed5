package rejects

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"tapline.dev/domain/control"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/schemas"
)

// world is a broker, what was written to it, and the indexes that read it.
type world struct {
	t        *testing.T
	cfg      kafka.Config
	topics   schemas.Topics
	reader   *kafka.Reader
	producer *kafka.Producer
	rand     *rand.Rand
	// written are the committed rejects by partition, in order: what an independent
	// count is made from.
	written map[int32][]Item
	start   map[int32]int64
	mu      sync.Mutex // of known, which indexes read
	known   map[string]Known
	shapes  map[string]string // of the value, by the reject's row
	rows    int
}

func newWorld(t *testing.T, seed uint64) *world {
	t.Helper()
	cfg := kafkatest.Start(t)
	w := &world{
		t: t, cfg: cfg, topics: schemas.NewTopics(cfg.Prefix), rand: rand.New(rand.NewPCG(seed, 17)),
		written: map[int32][]Item{}, start: map[int32]int64{}, known: map[string]Known{}, shapes: map[string]string{},
	}
	var err error
	w.makeTopic()
	if w.reader, err = kafka.OpenReader(cfg, kafkatest.Deps()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.reader.Close)
	if w.producer, err = kafka.OpenProducer(cfg, kafkatest.Deps()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.producer.Close)
	return w
}

func (w *world) makeTopic() {
	w.t.Helper()
	var specs []schemas.TopicSpec
	for _, spec := range w.topics.Catalogue() {
		if spec.Name == w.topics.Rejects() || spec.Name == w.topics.Reports() {
			specs = append(specs, spec)
		}
	}
	w.cfg.CreateTopics = true
	if err := kafka.EnsureTopics(w.t.Context(), w.cfg, kafkatest.Deps(), specs); err != nil {
		w.t.Fatal(err)
	}
}

// replica is an index that runs.
type replica struct {
	*Index
	stop func()
}

func (w *world) index(dir string) *replica {
	w.t.Helper()
	x := New(Config{Directory: dir, Check: 20 * time.Millisecond}, Deps{
		Log: kafkatest.Deps().Log, Topics: w.topics, Source: w.reader,
		OpenTail: func(from map[kafka.TP]int64) (Tail, error) {
			return kafka.OpenTailWithMarkers(w.cfg, kafkatest.Deps(), from)
		},
		Known: func(name string) Known {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.known[name]
		},
	})
	ctx, cancel := context.WithCancel(w.t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = x.Run(ctx)
	}()
	stop := sync.OnceFunc(func() { cancel(); <-done })
	w.t.Cleanup(stop)
	return &replica{x, stop}
}

var (
	importNames = []string{"customers", "orders", "visits", "a"}
	codeNames   = []string{"email_invalid", "phone_invalid", "555", "out_of_range"}
	columnNames = []string{"EMAIL", "PHONE", ""}
	epochStart  = time.Date(2026, 11, 29, 22, 0, 0, 0, time.UTC)
	// Values with the shape that a person would name.
	valueShapes = [][2]string{
		{`"123456789012"`, "12 digits"}, {`"ann@@example.com"`, `contains "@@"`}, {`null`, "NULL"}, {`17.5`, "a number with decimals"},
	}
)

func (w *world) reject() (schemas.Reject, string) {
	name := importNames[w.rand.IntN(len(importNames))]
	w.rows++
	r := schemas.Reject{
		Stage: []string{schemas.StageMap, schemas.StageLoad}[w.rand.IntN(2)], Code: codeNames[w.rand.IntN(len(codeNames))],
		Column: columnNames[w.rand.IntN(len(columnNames))], Import: name, Run: schemas.RunOf(name, 1+w.rand.IntN(12)), Attempt: 1,
		ID: fmt.Sprint(w.rows), Partition: -1, Offset: -1,
		Time: epochStart.Add(time.Duration(w.rand.Int64N(int64(5 * time.Hour)))),
	}
	if r.Column == "" {
		return r, ""
	}
	value := valueShapes[w.rand.IntN(len(valueShapes))]
	r.Row = json.RawMessage(fmt.Sprintf(`{"OTHER":1,%q:%s}`, r.Column, value[0]))
	return r, value[1]
}

// write writes rejects, at times in a transaction that is aborted.
func (w *world) write(n int) {
	w.t.Helper()
	var records []*kafka.Record
	var items []Item
	for range n {
		reject, shape := w.reject()
		rec, err := control.Reject(w.topics.Rejects(), reject, "mapper")
		if err != nil {
			w.t.Fatal(err)
		}
		records = append(records, rec)
		items = append(items, Item{Reject: reject})
		w.shapes[reject.ID] = shape
	}
	if w.rand.IntN(3) > 0 {
		if err := w.producer.Produce(w.t.Context(), records...); err != nil {
			w.t.Fatal(err)
		}
		w.keep(records, items)
		return
	}
	tx, err := kafka.OpenTransactor(w.t.Context(), w.cfg, kafkatest.Deps(), "test")
	if err != nil {
		w.t.Fatal(err)
	}
	defer tx.Close()
	if err := tx.Begin(); err != nil {
		w.t.Fatal(err)
	}
	tx.Produce(records...)
	if w.rand.IntN(2) == 0 {
		if err := tx.Abort(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
		return
	}
	if err := tx.Commit(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	w.keep(records, items)
}

func (w *world) keep(records []*kafka.Record, items []Item) {
	for i, rec := range records {
		items[i].Ref = schemas.RejectRef{Partition: rec.Partition, Offset: rec.Offset}
		w.written[rec.Partition] = append(w.written[rec.Partition], items[i])
	}
}

// retain deletes the oldest rejects of a partition.
func (w *world) retain() {
	p := w.rand.Int32N(schemas.ControlPartitions)
	if len(w.written[p]) == 0 {
		return
	}
	below := w.written[p][w.rand.IntN(len(w.written[p]))].Ref.Offset
	tp := kafka.TP{Topic: w.topics.Rejects(), Partition: p}
	if err := kafka.Truncate(w.t.Context(), w.cfg, kafkatest.Deps(), map[kafka.TP]int64{tp: below}); err != nil {
		w.t.Fatal(err)
	}
	w.start[p] = below
	w.written[p] = slices.DeleteFunc(w.written[p], func(i Item) bool { return i.Ref.Offset < below })
}

// replay takes some of an import's rejects, some of which it rejects again.
func (w *world) replay() {
	name := importNames[w.rand.IntN(len(importNames))]
	p := schemas.ControlPartition(name)
	if len(w.written[p]) == 0 {
		return
	}
	from := w.rand.IntN(len(w.written[p]))
	to := from + w.rand.IntN(len(w.written[p])-from)
	run := schemas.RunOf(name, 20+w.rand.IntN(3))
	in := schemas.RejectRange{Partition: p, From: w.written[p][from].Ref.Offset, To: w.written[p][to].Ref.Offset}
	rec, err := control.Record(w.topics.Reports(), name, name, schemas.Report{Kind: schemas.ReportTaken, Import: name, Run: run, Taken: &schemas.Taken{Topic: w.topicID(w.topics.Rejects()), Refs: []schemas.RejectRange{in}}}, schemas.EventReport(schemas.ReportTaken), "extractor")
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.producer.Produce(w.t.Context(), rec); err != nil {
		w.t.Fatal(err)
	}
	w.mu.Lock()
	known := w.known[name]
	known.Active = []string{"", run}[w.rand.IntN(2)]
	w.known[name] = known
	w.mu.Unlock()
	// The index reads two topics: what it reads of one may be ahead of the other, and only
	// what a replay takes before it rejects it again is a history that there can be.
	for i := from; i <= to; i++ {
		if item := &w.written[p][i]; item.Reject.Import == name {
			item.Replay, item.Again = run, false
		}
	}
}

func (w *world) selection() Selection {
	pick := func(values ...string) string { return append(values, "", "")[w.rand.IntN(len(values)+2)] }
	s := Selection{Import: importNames[w.rand.IntN(len(importNames))]}
	s.Code, s.Column, s.Stage = pick(codeNames...), pick("EMAIL", "PHONE"), pick(schemas.StageMap)
	s.State = pick(StateOpen, StateDismissed, StateReplayed, StateReplaying)
	if w.rand.IntN(3) == 0 {
		s.Run = schemas.RunOf(s.Import, 1+w.rand.IntN(12))
	}
	if w.rand.IntN(2) == 0 {
		s.Since = epochStart.Add(time.Duration(w.rand.Int64N(int64(5 * time.Hour))))
	}
	if w.rand.IntN(2) == 0 {
		s.Until = epochStart.Add(time.Duration(w.rand.Int64N(int64(5 * time.Hour))))
	}
	if all := w.written[schemas.ControlPartition(s.Import)]; w.rand.IntN(5) == 0 && len(all) > 0 {
		for range 1 + w.rand.IntN(5) {
			s.Refs = append(s.Refs, all[w.rand.IntN(len(all))].Ref)
		}
	}
	return s
}

// want is what the selection means, from what was written.
func (w *world) want(s Selection) []Item {
	var out []Item
	for p := range int32(schemas.ControlPartitions) {
		for _, i := range w.written[p] {
			r := i.Reject
			switch known := w.known[r.Import]; {
			case i.Replay != "" && i.Replay == known.Active && !i.Again:
				i.State = StateReplaying
			case i.Replay != "" || i.Again:
				i.State = StateReplayed
			case runNumber(r.Run) <= known.Dismissed:
				i.State = StateDismissed
			default:
				i.State = StateOpen
			}
			if s.Import != "" && r.Import != s.Import || s.Run != "" && r.Run != s.Run || s.Code != "" && r.Code != s.Code || s.Column != "" && r.Column != s.Column ||
				s.Stage != "" && r.Stage != s.Stage || s.State != "" && i.State != s.State ||
				!s.Since.IsZero() && r.Time.Before(s.Since) || !s.Until.IsZero() && !r.Time.Before(s.Until) ||
				len(s.Refs) > 0 && !slices.Contains(s.Refs, i.Ref) {
				continue
			}
			out = append(out, i)
		}
	}
	return out
}

func runNumber(run string) (n int) {
	_, n, _ = schemas.ParseRunID(run)
	return n
}

// groups counts items by everything that can be counted by.
func (w *world) groups(items []Item) []Group {
	counts := map[Names]int64{}
	for _, i := range items {
		r := i.Reject
		counts[Names{r.Import, r.Run, r.Stage, r.Code, r.Column, r.Property, w.shapes[r.ID], r.Time.Format(time.DateOnly), i.State}]++
	}
	out := []Group{}
	for names, n := range counts {
		out = append(out, Group{names, n})
	}
	return sorted(out)
}

func sorted(g []Group) []Group {
	slices.SortFunc(g, func(a, b Group) int { return cmp.Compare(fmt.Sprint(a.Names), fmt.Sprint(b.Names)) })
	return g
}

// check compares every kind of answer with an independent one.
func (w *world) check(x *replica) {
	w.t.Helper()
	ctx := w.t.Context()
	all, how, err := x.CountBy(ctx, Selection{}, everyBy()...)
	if err != nil || !how.Complete || how.Share != 1 {
		w.t.Fatalf("CountBy of everything: %+v, %v", how, err)
	}
	if diff := gocmp.Diff(w.groups(w.want(Selection{})), sorted(all)); diff != "" {
		w.t.Fatalf("counts of everything (-want +got):\n%s", diff)
	}
	for range 3 {
		s := w.selection()
		want := w.want(s)
		got, how, err := x.CountBy(ctx, s, everyBy()...)
		if err != nil || !how.Complete {
			w.t.Fatalf("CountBy(%+v): %+v, %v", s, how, err)
		}
		if diff := gocmp.Diff(w.groups(want), sorted(got)); diff != "" {
			w.t.Fatalf("counts of %+v (-want +got):\n%s", s, diff)
		}
		if cut := w.start[schemas.ControlPartition(s.Import)] > 0; cut != (how.From != nil) {
			w.t.Fatalf("retention has deleted something: %v, but the answer reaches back to %v", cut, how.From)
		}
		w.checkPages(x, s, want)
		var each []Item
		if _, err := x.EachItem(ctx, s, func(i Item) error { each = append(each, i); return nil }); err != nil {
			w.t.Fatal(err)
		}
		w.same(s, want, each)
	}
}

func (w *world) checkPages(x *replica, s Selection, want []Item) {
	w.t.Helper()
	for _, oldest := range []bool{true, false} {
		var got []Item
		size := 1 + len(want)/3 + w.rand.IntN(len(want)+3)
		for beyond := int64(-1); ; {
			items, next, _, err := x.Page(w.t.Context(), s, oldest, beyond, size)
			if err != nil {
				w.t.Fatal(err)
			}
			if len(items) > size {
				w.t.Fatalf("a page of %d has %d items", size, len(items))
			}
			got = append(got, items...)
			if beyond = next; next < 0 {
				break
			}
		}
		if !oldest {
			slices.Reverse(got)
		}
		w.same(s, want, got)
	}
}

func (w *world) same(s Selection, want, got []Item) {
	w.t.Helper()
	name := func(items []Item) (out []string) {
		for _, i := range items {
			out = append(out, fmt.Sprint(i.Ref, i.Reject.ID, i.State, i.Replay, i.Again))
		}
		return out
	}
	if diff := gocmp.Diff(name(want), name(got)); diff != "" {
		w.t.Fatalf("rejects of %+v (-want +got):\n%s", s, diff)
	}
}

// TestIndexAgainstAnOracle compares two replicas with an independent count over random
// histories of writes, aborted transactions, retention, dismissals, restarts and lost
// files.
func TestIndexAgainstAnOracle(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, seed)
			dirs := []string{t.TempDir(), t.TempDir()}
			replicas := []*replica{w.index(dirs[0]), w.index(dirs[1])}
			for step := range 10 {
				switch n := w.rand.IntN(2); w.rand.IntN(8) {
				case 0:
					w.retain()
				case 1:
					name := importNames[w.rand.IntN(len(importNames))]
					w.mu.Lock()
					known := w.known[name]
					known.Dismissed = max(known.Dismissed, w.rand.IntN(12))
					w.known[name] = known
					w.mu.Unlock()
				case 2: // a restart
					replicas[n].stop()
					w.write(w.rand.IntN(50))
					replicas[n] = w.index(dirs[n])
				case 3: // the file is lost while nobody runs, or while it is used
					if w.rand.IntN(2) == 0 {
						replicas[n].stop()
					}
					if err := os.Remove(filepath.Join(dirs[n], storeFile)); err != nil {
						t.Fatal(err)
					}
					replicas[n].stop()
					replicas[n] = w.index(dirs[n])
				case 4:
					w.replay()
				default:
					w.write(1 + w.rand.IntN(200))
				}
				t.Logf("step %d: %d written", step, len(slices.Concat(slices.Collect(maps.Values(w.written))...)))
				w.settle(replicas...)
				for _, x := range replicas {
					w.check(x)
				}
			}
		})
	}
}

// TestIndexOfTopicsThatWereMadeAnew: what a replay took from a rejects topic that was deleted
// says nothing about the rejects that have their offsets now, and what a deleted reports
// topic said is forgotten, also if nobody reads while the topics are made anew.
func TestIndexOfTopicsThatWereMadeAnew(t *testing.T) {
	t.Parallel()
	for _, stopped := range []bool{false, true} {
		t.Run(fmt.Sprintf("stopped=%v", stopped), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 7)
			dir := t.TempDir()
			x := w.index(dir)
			fill := func() {
				for range 3 {
					w.write(100)
					w.replay()
				}
				w.agrees(x)
			}
			fill()
			for _, topic := range []string{w.topics.Rejects(), w.topics.Reports()} {
				if stopped {
					x.stop()
				}
				w.recreate(topic)
				if stopped {
					w.write(400) // more than the topic had
					x = w.index(dir)
				}
				w.agrees(x)
				fill()
			}
		})
	}
}

// recreate deletes a topic and creates it again, empty.
func (w *world) recreate(topic string) {
	w.t.Helper()
	if err := kafka.DeleteTopics(w.t.Context(), w.cfg, kafkatest.Deps(), topic); err != nil {
		w.t.Fatal(err)
	}
	w.makeTopic()
	w.producer.Close()
	var err error
	if w.producer, err = kafka.OpenProducer(w.cfg, kafkatest.Deps()); err != nil { // it knows the new topic
		w.t.Fatal(err)
	}
	w.t.Cleanup(w.producer.Close)
	if topic == w.topics.Rejects() {
		w.written, w.start = map[int32][]Item{}, map[int32]int64{}
		return
	}
	for _, items := range w.written {
		for i := range items {
			items[i].Replay, items[i].Again = "", false
		}
	}
}

func (w *world) topicID(topic string) string {
	w.t.Helper()
	id, err := w.reader.TopicID(w.t.Context(), topic)
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

// agrees waits until the index counts what was written: it notices a topic that was made
// anew a moment later.
func (w *world) agrees(x *replica) {
	w.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		all, how, err := x.CountBy(w.t.Context(), Selection{}, everyBy()...)
		diff := gocmp.Diff(w.groups(w.want(Selection{})), sorted(all))
		if err == nil && how.Complete && diff == "" {
			return
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("the index is %+v, %v; counts (-want +got):\n%s", how, err, diff)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// settle waits until the indexes have dropped what retention has deleted.
func (w *world) settle(replicas ...*replica) {
	w.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for _, x := range replicas {
		for {
			all, how, err := x.CountBy(w.t.Context(), Selection{})
			if err == nil && how.Complete && how.Share == 1 && total(all) == int64(len(w.want(Selection{}))) {
				break
			}
			if err != nil && !errors.Is(err, ErrUnavailable) {
				w.t.Fatal(err)
			}
			if time.Now().After(deadline) {
				w.t.Fatalf("%d rejects, want %d (%+v, %v)", total(all), len(w.want(Selection{})), how, err)
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
}

func total(g []Group) (n int64) {
	for _, group := range g {
		n += group.Count
	}
	return n
}

// everyBy is all that rejects are counted by.
func everyBy() []By {
	return []By{ByImport, ByRun, ByStage, ByCode, ByColumn, ByProperty, ByShape, ByDay, ByState}
}
