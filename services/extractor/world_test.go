package extractor

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"tapline.dev/domain/control"
	"tapline.dev/libs/daemon"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/libs/redis/redistest"
	"tapline.dev/libs/telemetry/telemetrytest"
	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/attempt"
	"tapline.dev/services/extractor/internal/chunk"
)

const importName = "customers"

// world is a broker, a Redis and a warehouse.
type world struct {
	t        *testing.T
	cfg      Config
	topics   schemas.Topics
	db       *warehouse
	redis    *redistest.Server
	producer *kafka.Producer
	reader   *kafka.Reader
	state    schemas.State
}

func newWorld(t *testing.T, rows ...dbRow) *world {
	t.Helper()
	w := &world{t: t, cfg: DefaultConfig(), db: newWarehouse(rows...), redis: redistest.New(t)}
	w.cfg.Kafka, w.cfg.Redis = kafkatest.Start(t), w.redis.Config
	w.cfg.RetryDelay, w.cfg.EarlyReport, w.cfg.HeartbeatEvery = time.Millisecond, time.Millisecond, 20*time.Millisecond
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
	if err := kafka.EnsureTopics(t.Context(), w.cfg.Kafka, kafkatest.Deps(), w.topics.ImportTopics(importName, schemas.TopicSettings{Partitions: 3})); err != nil {
		t.Fatal(err)
	}
	connection, err := json.Marshal(schemas.SnowflakeConnectionSpec{Account: "acme", User: "TAPLINE"})
	if err != nil {
		t.Fatal(err)
	}
	rec, err := control.Record(w.topics.Resources(), importName, schemas.ResourceKey(schemas.KindSnowflakeConnection, "warehouse"),
		schemas.Resource{Kind: schemas.KindSnowflakeConnection, Metadata: schemas.Metadata{Name: "warehouse"}, Spec: connection}, "test", "test")
	if err != nil {
		t.Fatal(err)
	}
	rec.Partition = 0
	w.produce(rec)
	w.state = schemas.State{Import: importName, Epoch: 1}
	return w
}

func spec() schemas.ImportSpec {
	return schemas.ImportSpec{
		Source: schemas.Source{
			ConnectionRef: "warehouse", Table: "CUSTOMERS",
			Cursor: &schemas.Cursor{Column: "AT", Lookback: schemas.Duration(10 * time.Minute), Nulls: schemas.Nulls{Policy: "always"}},
		},
		Destination: schemas.Destination{AccountRef: "clevertap", Type: schemas.TypeProfile},
		Identity:    schemas.Identity{Column: "ID"},
		Mapping:     []schemas.Property{{From: "EMAIL", To: "Email"}},
		Topic:       schemas.TopicSettings{Partitions: 3},
	}
}

func (w *world) produce(records ...*kafka.Record) {
	w.t.Helper()
	if err := w.producer.Produce(context.WithoutCancel(w.t.Context()), records...); err != nil {
		w.t.Fatal(err)
	}
}

// activate makes a run's attempt the active one.
func (w *world) activate(change func(*schemas.ActiveRun)) *schemas.ActiveRun {
	w.t.Helper()
	a := &schemas.ActiveRun{
		Run: importName + ".1", Number: 1, Attempt: 1, Mode: schemas.ModeFull, State: schemas.StateExtracting, Epoch: 1,
		Spec: spec(), StartedAt: time.Now(), Traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
	}
	if change != nil {
		change(a)
	}
	w.state.Active = a
	w.write()
	return a
}

// write writes the state as the scheduler does.
func (w *world) write() {
	w.t.Helper()
	subject := importName
	if w.state.Active != nil {
		subject = schemas.Subject(importName, w.state.Active.Run)
	}
	rec, err := control.Record(w.topics.State(), importName, subject, w.state, "state", "scheduler")
	if err != nil {
		w.t.Fatal(err)
	}
	w.produce(rec)
}

// service is an extractor without its group: the test calls takeOver itself.
func (w *world) service() (*Service, *telemetrytest.Recorder) {
	w.t.Helper()
	rec := telemetrytest.New(w.t, "extractor")
	s, err := New(w.cfg, Deps{Telemetry: rec.Telemetry, Health: daemon.NewHealth()})
	if err != nil {
		w.t.Fatal(err)
	}
	s.open = w.db.open
	return s, rec
}

// start readies a service for takeOver.
func (w *world) start() *Service {
	w.t.Helper()
	s, _ := w.startRecorded()
	return s
}

// startRecorded also returns the service's log and metrics.
func (w *world) startRecorded() (*Service, *telemetrytest.Recorder) {
	w.t.Helper()
	s, rec := w.service()
	var err error
	if s.reader, err = kafka.OpenReader(w.cfg.Kafka, kafkatest.Deps()); err != nil {
		w.t.Fatal(err)
	}
	if s.producer, err = kafka.OpenProducer(w.cfg.Kafka, kafkatest.Deps()); err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.t.Context()))
	done := make(chan error, 3)
	go func() { done <- s.states.table.Run(ctx) }()
	go func() { done <- s.resources.view.Run(ctx) }()
	go func() { done <- s.suppressed.Run(ctx) }()
	w.t.Cleanup(func() {
		cancel()
		for range 3 {
			if err := <-done; err != nil {
				w.t.Error(err)
			}
		}
		s.reader.Close()
		s.producer.Close()
	})
	return s, rec
}

func (w *world) work() *work {
	a := w.state.Active
	return &work{id: attempt.IDOf(a), ending: make(chan struct{}), end: func() {}}
}

// extract takes the attempt over and works to its end.
func (w *world) extract(s *Service) {
	w.t.Helper()
	if err := s.takeOver(w.t.Context(), schemas.Subject(importName, w.state.Active.Run), w.work()); err != nil {
		w.t.Fatal(err)
	}
}

// reports returns the active attempt's reports but heartbeats.
func (w *world) reports() []schemas.Report {
	w.t.Helper()
	var out []schemas.Report
	a := w.state.Active
	w.read(w.topics.Reports(), schemas.ControlPartition(importName), func(rec *kafka.Record) {
		var r schemas.Report
		if err := json.Unmarshal(rec.Value, &r); err != nil {
			w.t.Fatal(err)
		}
		if r.Kind != schemas.ReportHeartbeat && r.Run == a.Run && r.Attempt == a.Attempt {
			out = append(out, r)
		}
	})
	return out
}

func (w *world) read(topic string, partition int32, fn func(*kafka.Record)) {
	w.t.Helper()
	_, err := w.reader.ReadTo(w.t.Context(), kafka.TP{Topic: topic, Partition: partition}, 0, func(r *kafka.Record) error {
		fn(r)
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// rows returns the active attempt's rows by their id.
func (w *world) rows() map[string]string {
	w.t.Helper()
	out := map[string]string{}
	for p := range int32(3) {
		w.read(w.topics.Rows(importName), p, func(r *kafka.Record) {
			id, ok := schemas.ParseRowID(kafka.HeaderValue(r, schemas.HeaderID))
			if !ok {
				w.t.Fatalf("row without id: %v", r.Headers)
			}
			if id.Number != w.state.Active.Number || id.Attempt != w.state.Active.Attempt {
				return
			}
			if _, twice := out[id.String()]; twice {
				w.t.Errorf("row %s came twice", id)
			}
			if want := chunk.Partition(r.Key, 3); r.Partition != want {
				w.t.Errorf("row %s lies in partition %d, want %d", id, r.Partition, want)
			}
			if len(kafka.HeaderValue(r, schemas.HeaderTraceparent)) == 0 {
				w.t.Errorf("row %s has no traceparent", id)
			}
			out[id.String()] = string(r.Value)
		})
	}
	return out
}

// last returns the last report, which must be of the kind.
func (w *world) last(kind string) schemas.Report {
	w.t.Helper()
	all := w.reports()
	if len(all) == 0 || all[len(all)-1].Kind != kind {
		w.t.Fatalf("the last report is not %s: %+v", kind, all)
	}
	return all[len(all)-1]
}

// close settles the active run as the scheduler does.
func (w *world) close() {
	w.t.Helper()
	final := w.last(schemas.ReportFinal).Final
	next, err := schemas.NextWatermark(w.state.Active.WatermarkFrom, final.Clock, final.Maximum, final.Lookback.Std())
	if err != nil {
		w.t.Fatal(err)
	}
	w.state.Watermark, w.state.Ledger = next, final.Ledger
	for _, r := range w.reports() {
		if r.Started != nil {
			w.state.TimeBasis = r.Started.TimeBasis
		}
	}
}

// unfinished ends, as the scheduler does, a run that has sent rows and did not succeed.
func (w *world) unfinished(mixed bool) {
	w.t.Helper()
	spoiled := *w.state.Ledger
	spoiled.Outdated, spoiled.OutdatedMapping = true, mixed
	w.state.Ledger = &spoiled
}

// next makes the import's n-th run the active one, from where the last one that
// succeeded left off.
func (w *world) next(n int, change func(*schemas.ActiveRun)) {
	w.t.Helper()
	w.activate(func(a *schemas.ActiveRun) {
		a.Run, a.Number, a.WatermarkFrom = fmt.Sprintf("%s.%d", importName, n), n, w.state.Watermark
		if n > 1 {
			a.Mode = schemas.ModeIncremental
		}
		if change != nil {
			change(a)
		}
	})
}

func at(minutes int) string {
	return schemas.FormatInstant(time.Date(2026, 11, 23, 10, 0, 0, 123456789, time.UTC).Add(time.Duration(minutes) * time.Minute))
}

func customers(n int) []dbRow {
	var rows []dbRow
	for i := range n {
		rows = append(rows, dbRow{int64(i + 1), fmt.Sprintf("canary-%d@example.com", i+1), at(i - 100)})
	}
	return rows
}
