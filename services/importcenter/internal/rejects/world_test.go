package rejects

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

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
