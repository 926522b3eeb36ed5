package mapper

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/domain/control"
	"tapline.dev/domain/mapping"
	"tapline.dev/libs/daemon"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/libs/telemetry"
	"tapline.dev/schemas"
)

// world is a broker with one import, customers, whose run 3 attempt 2 is active.
type world struct {
	t        *testing.T
	cfg      Config
	topics   schemas.Topics
	producer *kafka.Producer
	reader   *kafka.Reader
	sent     []int64 // rows sent, by partition
	log      *slog.Logger
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldOn(t, kafkatest.Start(t))
}

func newWorldOn(t *testing.T, cfg kafka.Config) *world {
	t.Helper()
	w := &world{t: t, cfg: DefaultConfig()}
	w.cfg.Kafka = cfg
	w.topics = schemas.NewTopics(w.cfg.Kafka.Prefix)
	var err error
	if w.producer, err = kafka.OpenProducer(w.cfg.Kafka, kafkatest.Deps()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.producer.Close)
	if w.reader, err = kafka.OpenReader(w.cfg.Kafka, kafkatest.Deps()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.reader.Close)
	specs := w.topics.ImportTopics("customers", schemas.TopicSettings{Partitions: 3})
	if err := kafka.EnsureTopics(t.Context(), w.cfg.Kafka, kafkatest.Deps(), specs); err != nil {
		t.Fatal(err)
	}
	w.sent = make([]int64, 3)
	w.control(w.topics.Imports(), schemas.Definition{Kind: schemas.KindImport, Metadata: schemas.Metadata{Name: "customers"}, Spec: spec()})
	w.columns(2)
	w.activate(&schemas.ActiveRun{Run: "customers.3", Number: 3, Attempt: 2, Spec: spec()})
	return w
}

func spec() schemas.ImportSpec {
	return schemas.ImportSpec{
		Source:      schemas.Source{ConnectionRef: "warehouse", Table: "CUSTOMERS"},
		Destination: schemas.Destination{AccountRef: "clevertap", Type: schemas.TypeProfile},
		Identity:    schemas.Identity{Column: "ID"},
		Mapping:     []schemas.Property{{From: "EMAIL", To: "Email"}, {From: "SINCE", To: "since"}},
	}
}

func (w *world) control(topic string, value any) {
	w.t.Helper()
	rec, err := control.Record(topic, "customers", "customers", value, "test", "test")
	if err != nil {
		w.t.Fatal(err)
	}
	w.produce(rec)
}

func (w *world) produce(records ...*kafka.Record) {
	w.t.Helper()
	if err := w.producer.Produce(context.WithoutCancel(w.t.Context()), records...); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) columns(attempt int) {
	w.control(w.topics.Columns(), schemas.RowSchema{
		Import: "customers", Run: "customers.3", Number: 3, Attempt: attempt, Clock: "2026-11-23T10:00:00.000000000",
		Columns: []schemas.Column{{Name: "ID", Type: "FIXED", Precision: 38}, {Name: "EMAIL", Type: "TEXT"}, {Name: "SINCE", Type: "DATE"}},
	})
}

func (w *world) activate(run *schemas.ActiveRun) {
	w.control(w.topics.State(), schemas.State{Import: "customers", Epoch: 1, LastNumber: 3, Active: run})
}

func (w *world) row(id string, partition int32, value string) *kafka.Record {
	w.sent[partition]++
	return &kafka.Record{
		Topic: w.topics.Rows("customers"), Partition: partition, Key: []byte("k" + id), Value: []byte(value),
		Headers: []kafka.Header{{Key: schemas.HeaderID, Value: []byte(id)}, {Key: schemas.HeaderTraceparent, Value: []byte("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")}},
	}
}

// start runs a mapper until stop.
func (w *world) start(change func(*Config)) (stop func()) {
	w.t.Helper()
	cfg := w.cfg
	if change != nil {
		change(&cfg)
	}
	tel := telemetry.Discard()
	if w.log != nil {
		tel.Logger = w.log
	}
	service, err := New(cfg, Deps{Telemetry: tel, Health: daemon.NewHealth()})
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- service.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Errorf("Run() = %v", err)
		}
	}
}

// read returns every committed record of a topic, by partition.
func (w *world) read(topic string, partitions int32) (all []*kafka.Record) {
	w.t.Helper()
	for p := range partitions {
		_, err := w.reader.ReadTo(context.Background(), kafka.TP{Topic: topic, Partition: p}, 0, func(r *kafka.Record) error {
			all = append(all, r)
			return nil
		})
		if err != nil {
			w.t.Fatal(err)
		}
	}
	return all
}

// outcome is what the topics say of a run.
type outcome struct {
	Records, Rejects        int
	Mapped, Rejected, Skips int64
	ByCode, ByReason        map[string]int64
}

func (w *world) outcome() outcome {
	w.t.Helper()
	o := outcome{ByCode: map[string]int64{}, ByReason: map[string]int64{}}
	for _, r := range w.read(w.topics.Reports(), schemas.ControlPartitions) {
		var report schemas.Report
		if err := json.Unmarshal(r.Value, &report); err != nil {
			w.t.Fatal(err)
		}
		o.Mapped += report.Mapped.Mapped
		for code, n := range report.Mapped.RejectsByCode {
			o.ByCode[code] += n
			o.Rejected += n
		}
		for reason, n := range report.Mapped.Skipped {
			o.ByReason[reason] += n
			o.Skips += n
		}
	}
	// After the reports: reading waits for open transactions, so what a visible
	// report counts is visible as well.
	o.Records = len(w.read(w.topics.Records("customers"), 3))
	o.Rejects = len(w.read(w.topics.Rejects(), schemas.ControlPartitions))
	return o
}

// await waits until the committed offsets have passed every row that was sent:
// the topics then hold the final outcome.
func (w *world) await() outcome {
	w.t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	for {
		o := w.outcome()
		var sent int64
		for _, n := range w.sent {
			sent += n
		}
		if o.Mapped+o.Rejected+o.Skips+int64(o.Rejects)-o.Rejected >= sent {
			return w.outcome() // rejects may have become visible before their reports
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("%d rows were sent, the topics hold %+v", sent, o)
		}
		time.Sleep(20 * time.Millisecond) // between looks at the condition
	}
}

func TestRowsBecomeRecordsInTheirPartition(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	defer w.start(nil)()
	event := w.row("3.2.1", 0, `{"ID":7,"EMAIL":"a@example.com","SINCE":"2026-11-23","OTHER":null}`)
	event.Headers = append(event.Headers, kafka.Header{Key: schemas.HeaderFingerprint, Value: []byte("AAAA")})
	w.produce(
		event,
		w.row("3.2.2", 1, `{"ID":8,"EMAIL":"not an address","SINCE":null,"OTHER":1}`),
		w.row("3.2.3", 1, `{"ID":9,"EMAIL":null,"SINCE":null,"OTHER":1}`),
	)
	got := w.await()
	want := outcome{Records: 2, Rejects: 1, Mapped: 2, Rejected: 1, ByCode: map[string]int64{"email_invalid": 1}, ByReason: map[string]int64{}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("outcome mismatch (-want +got):\n%s", diff)
	}
	records := w.read(w.topics.Records("customers"), 3)
	first := records[0]
	value := `{"type":"profile","identity":"7","profileData":{"Email":"a@example.com","since":"$D_1795435200"}}`
	if string(first.Value) != value || first.Partition != 0 || string(first.Key) != "k3.2.1" {
		t.Errorf("record in partition %d under %q is\n%s, want\n%s", first.Partition, first.Key, first.Value, value)
	}
	if id := string(kafka.HeaderValue(first, schemas.HeaderID)); id != "3.2.1" {
		t.Errorf("id header = %q", id)
	}
	for i, want := range []string{"AAAA", ""} {
		if got := string(kafka.HeaderValue(records[i], schemas.HeaderFingerprint)); got != want {
			t.Errorf("record %d has the fingerprint %q, want its row's, %q", i, got, want)
		}
	}
	if records[1].Partition != 1 {
		t.Errorf("the row of partition 1 became a record of partition %d", records[1].Partition)
	}
	var reject schemas.Reject
	if err := json.Unmarshal(w.read(w.topics.Rejects(), schemas.ControlPartitions)[0].Value, &reject); err != nil {
		t.Fatal(err)
	}
	if reject.Run != "customers.3" || reject.ID != "3.2.2" || reject.Column != "EMAIL" || reject.Property != "Email" || reject.Class != "data" || len(reject.Row) == 0 {
		t.Errorf("reject = %+v", reject)
	}
}

// TestEventsSentAreCountedByTheirAge: CleverTap answers success to each of them.
func TestEventsSentAreCountedByTheirAge(t *testing.T) {
	t.Parallel()
	m, problems := mapping.Compile(schemas.ImportSpec{
		Destination: schemas.Destination{AccountRef: "clevertap", Type: schemas.TypeEvent, Event: &schemas.EventSpec{Name: "E", CreatedOn: &schemas.CreatedOn{Column: "AT"}}},
		Identity:    schemas.Identity{Column: "ID"}, Mapping: []schemas.Property{{From: "A", To: "a"}},
	}, nil, mapping.Options{Retention: 24 * time.Hour})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	const clock = 1_795_435_200
	l := &attemptRows{}
	for _, age := range []int64{0, 3600, 3 * 3600, 25 * 3600, -3600} {
		row := fmt.Sprintf(`{"ID":"u","A":"x","AT":%q}`, time.Unix(clock-age, 0).UTC().Format(time.RFC3339))
		_, rejects, _, noted := safeMap(&rule{mapping: m, clock: clock}, nil, []byte(row), false)
		if len(rejects) > 0 {
			t.Fatal(rejects)
		}
		l.countAge(noted)
	}
	if diff := cmp.Diff(map[string]int64{"event_live": 2, "outside_retention": 1, "event_in_future": 1}, l.report.Aged); diff != "" {
		t.Errorf("ages (-want +got):\n%s", diff)
	}
}

// A producer that knows a topic by its id never writes to one that replaces it.
func TestARecreatedRecordsTopic(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	defer w.start(nil)()
	w.produce(w.row("3.2.1", 0, `{"ID":7,"EMAIL":null,"SINCE":null}`))
	w.await()
	w.recreate(w.topics.Records("customers"))
	w.produce(w.row("3.2.2", 0, `{"ID":8,"EMAIL":null,"SINCE":null}`))
	if got := w.await(); got.Records != 1 || got.Mapped != 2 {
		t.Errorf("outcome %+v, want 2 mapped rows and the later one's record", got)
	}
}

func TestRowsOfOtherRunsAreSkippedOrRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	defer w.start(nil)()
	const row = `{"ID":7,"EMAIL":null,"SINCE":null}`
	w.produce(w.row("2.1.1", 0, row), w.row("3.1.1", 0, row), w.row("4.1.1", 0, row), w.row("3.3.1", 0, row), w.row("x", 0, row))
	got := w.await()
	want := outcome{Rejects: 3, Skips: 2, ByCode: map[string]int64{}, ByReason: map[string]int64{"closed": 2}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("outcome mismatch (-want +got):\n%s", diff)
	}

	ending := schemas.Ending{State: schemas.StateCancelled, Skip: schemas.SkipCancelled}
	w.activate(&schemas.ActiveRun{Run: "customers.3", Number: 3, Attempt: 2, Spec: spec(), Ending: &ending})
	w.produce(w.row("4.1.2", 0, row)) // unknown, so the view is read to its end
	w.await()
	w.produce(w.row("3.2.1", 0, row))
	if got := w.await(); got.ByReason["cancelled"] != 1 || got.Records != 0 {
		t.Errorf("after the cancel: %+v", got)
	}
}

// TestNewerColumnsCloseTheOlderAttempt: the columns topic can be ahead of the
// mapper's view of the state.
func TestNewerColumnsCloseTheOlderAttempt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.columns(3)
	defer w.start(nil)()
	w.produce(w.row("3.2.1", 0, `{"ID":7,"EMAIL":null,"SINCE":null}`))
	if got := w.await(); got.ByReason["closed"] != 1 {
		t.Errorf("outcome = %+v, want the row skipped as closed", got)
	}
}

func TestMappingThatDoesNotFitRejectsEveryRow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := spec()
	s.Mapping = append(s.Mapping, schemas.Property{From: "GONE", To: "gone"})
	w.activate(&schemas.ActiveRun{Run: "customers.3", Number: 3, Attempt: 2, Spec: s})
	defer w.start(nil)()
	w.produce(w.row("3.2.1", 0, `{"ID":7,"EMAIL":null,"SINCE":null}`))
	if got := w.await(); got.ByCode["mapping_invalid"] != 1 || got.Records != 0 {
		t.Errorf("outcome = %+v", got)
	}
}

func TestOversizeRecordsAndPoisonAreRejectedAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	defer w.start(func(c *Config) { c.Kafka.MaxMessageBytes = 10_000 })()
	// The row fits the topic; with its neighbours' limit lowered the record does not.
	long, _ := json.Marshal(string(make([]byte, 300)))
	w.produce(
		w.row("3.2.1", 0, `{"ID":7,"EMAIL":null,"SINCE":null}`),
		w.row("3.2.2", 0, `{"ID":`),
		w.row("3.2.3", 0, fmt.Sprintf(`{"ID":%s,"EMAIL":null,"SINCE":null}`, long)),
		w.row("3.2.4", 0, `{"ID":9,"EMAIL":null,"SINCE":null}`),
	)
	got := w.await()
	if got.Records+got.Rejects != 4 || got.Mapped != int64(got.Records) || got.ByCode["row_unreadable"] == 0 {
		t.Errorf("outcome = %+v", got)
	}
}

// TestInterruptedMappersCountEveryRowOnce stops and replaces members while rows
// flow: transactions that were open are aborted and mapped again.
func TestInterruptedMappersCountEveryRowOnce(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	w := newWorld(t)
	const n = 1500
	var rows []*kafka.Record
	for i := range n {
		email := `"a@example.com"`
		if i%10 == 0 {
			email = `"broken"`
		}
		rows = append(rows, w.row(fmt.Sprintf("3.2.%d", i+1), int32(i%3), fmt.Sprintf(`{"ID":%d,"EMAIL":%s,"SINCE":null}`, i+1, email)))
	}
	w.produce(rows...)
	w.cfg.Kafka.SessionTimeout = 2 * time.Second // of members that leave in the middle of joining
	for range 6 {
		stop := w.start(func(c *Config) { c.BatchRows = 20 })
		pause := time.Duration(random.IntN(200)) * time.Millisecond
		<-time.After(pause) // the moment of the interruption is what the seed varies
		stop()
	}
	defer w.start(func(c *Config) { c.BatchRows = 20 })()
	got := w.await()
	want := outcome{Records: n - n/10, Rejects: n / 10, Mapped: n - n/10, Rejected: n / 10, ByCode: map[string]int64{"email_invalid": n / 10}, ByReason: map[string]int64{}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("outcome mismatch (-want +got):\n%s", diff)
	}
	seen := map[string]bool{}
	for _, r := range w.read(w.topics.Records("customers"), 3) {
		id := string(kafka.HeaderValue(r, schemas.HeaderID))
		if seen[id] {
			t.Errorf("record %s stands in the topic twice", id)
		}
		seen[id] = true
	}
}
