package rowlog_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"tapline.dev/domain/control"
	"tapline.dev/domain/mapping"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/rowlog"
)

// world writes topics as the services write them.
type world struct {
	t        *testing.T
	topics   schemas.Topics
	producer *kafka.Producer
	*kafka.Reader
	began time.Time
}

const (
	importName = "customers"
	partitions = 3
)

func newWorld(t *testing.T) *world {
	t.Helper()
	cfg := kafkatest.Start(t)
	w := &world{t: t, topics: schemas.NewTopics(cfg.Prefix), began: time.Now().UTC()}
	specs := append(w.topics.Catalogue(), w.topics.ImportTopics(importName, schemas.TopicSettings{Partitions: partitions})...)
	if err := kafka.EnsureTopics(t.Context(), cfg, kafkatest.Deps(), specs); err != nil {
		t.Fatal(err)
	}
	var err error
	if w.producer, err = kafka.OpenProducer(cfg, kafkatest.Deps()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.producer.Close)
	if w.Reader, err = kafka.OpenReader(cfg, kafkatest.Deps()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Reader.Close)
	return w
}

// spec is the import's definition.
func spec() schemas.ImportSpec {
	return schemas.ImportSpec{
		Source:      schemas.Source{ConnectionRef: "warehouse", Table: "CUSTOMERS"},
		Destination: schemas.Destination{AccountRef: "clevertap", Type: schemas.TypeProfile},
		Identity:    schemas.Identity{Column: "ID"},
		Mapping:     []schemas.Property{{From: "NAME", To: "Name"}, {From: "EMAIL", To: "Email"}},
	}
}

func columns() []schemas.Column {
	return []schemas.Column{{Name: "ID", Type: "TEXT"}, {Name: "NAME", Type: "TEXT"}, {Name: "EMAIL", Type: "TEXT"}}
}

func rule(t *testing.T) *rowlog.Rule {
	t.Helper()
	m, problems := mapping.Compile(spec(), columns(), mapping.Options{})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return &rowlog.Rule{Mapping: m, Clock: 1_700_000_000}
}

// put produces a record to a topic of the import and returns its offset.
func (w *world) put(topic, identity, id, value string) int64 {
	w.t.Helper()
	rec := &kafka.Record{
		Topic: topic, Partition: schemas.Partition([]byte(identity), partitions), Key: []byte(identity), Value: []byte(value),
		Headers: []kafka.Header{{Key: schemas.HeaderID, Value: []byte(id)}},
	}
	if err := w.producer.Produce(w.t.Context(), rec); err != nil {
		w.t.Fatal(err)
	}
	return rec.Offset
}

func (w *world) row(identity, id string) int64 {
	return w.put(w.topics.Rows(importName), identity, id, fmt.Sprintf(`{"ID":%q,"NAME":"n-%s","EMAIL":"a@b.co"}`, identity, identity))
}

func (w *world) record(identity, id string) int64 {
	return w.put(w.topics.Records(importName), identity, id, fmt.Sprintf(`{"type":"profile","identity":%q,"profileData":{"Name":"n-%s"}}`, identity, identity))
}

// report produces a report of an attempt of a run.
func (w *world) report(number, attempt int, r schemas.Report) {
	w.t.Helper()
	r.Import, r.Run, r.Number, r.Attempt, r.Time = importName, schemas.RunID(importName, number), number, attempt, time.Now().UTC()
	rec, err := control.Record(w.topics.Reports(), importName, importName, r, schemas.EventReport(r.Kind), "test")
	if err == nil {
		err = w.producer.Produce(w.t.Context(), rec)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) receipt(number, attempt int, r schemas.Receipt) {
	w.report(number, attempt, schemas.Report{Kind: schemas.ReportReceipt, Receipt: &r})
}

func (w *world) mapped(number, attempt int, m schemas.Mapped) {
	w.report(number, attempt, schemas.Report{Kind: schemas.ReportMapped, Mapped: &m})
}

func (w *world) intent(number, attempt int, i schemas.Intent) {
	w.report(number, attempt, schemas.Report{Kind: schemas.ReportIntent, Intent: &i})
}

func (w *world) reject(number int, r schemas.Reject) {
	w.t.Helper()
	r.Import, r.Run, r.Time = importName, schemas.RunID(importName, number), time.Now().UTC()
	rec, err := control.Reject(w.topics.Rejects(), r, "test")
	if err == nil {
		err = w.producer.Produce(w.t.Context(), rec)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) run(number int) schemas.Run {
	return schemas.Run{Run: schemas.RunID(importName, number), Import: importName, Attempt: 1, StartedAt: w.began}
}

func raw(text string) json.RawMessage { return json.RawMessage(text) }

func at(identity string) int32 { return schemas.Partition([]byte(identity), partitions) }
