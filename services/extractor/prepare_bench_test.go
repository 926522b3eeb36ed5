package extractor

import (
	"context"
	"fmt"
	"testing"
	"time"

	"tapline.dev/libs/telemetry"
	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/ledger"
	"tapline.dev/services/extractor/internal/statement"
)

// BenchmarkPrepare takes chunks from Arrow to the records of a transaction: what
// one core does for a row, without the download and Kafka.
func BenchmarkPrepare(b *testing.B) {
	const n = 10_000
	rows := make([]dbRow, n)
	for i := range rows {
		rows[i] = dbRow{int64(i), fmt.Sprintf("somebody-%d@example.com", i), at(i / 100)}
	}
	data := encode(rows)
	w := newWarehouse()
	s := &Service{cfg: DefaultConfig(), topics: schemas.NewTopics("tapline."), tracer: telemetry.Discard().Tracer(name), resources: &resources{}}
	t := &term{
		Service: s, subject: importName, importName: importName, history: &history{started: &schemas.Started{Clock: at(1000)}},
		active: &schemas.ActiveRun{Run: "customers.1", Number: 1, Attempt: 1, Mode: schemas.ModeBackfill, Spec: spec()},
		log:    telemetry.Discard().Logger, reading: b.Context(),
	}
	source, err := statement.Parse(t.active.Spec.Source)
	if err != nil {
		b.Fatal(err)
	}
	r, err := t.understand(&plan{source: source}, w.columns, time.Now())
	if err != nil {
		b.Fatal(err)
	}
	p, err := t.newPreparer(r)
	if err != nil {
		b.Fatal(err)
	}
	p.recorder = ledger.NewRecorder(discardStore{}, t.ledgerConfig(r))
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		c, err := p.prepare(b.Context(), i, data)
		if err != nil {
			b.Fatal(err)
		}
		if len(c.records()) != n {
			b.Fatalf("%d records", len(c.rows))
		}
		i++
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/row")
}

// discardStore takes values and keeps none.
type discardStore struct{ ledger.Store }

func (discardStore) Set(context.Context, string, []byte, time.Duration) error { return nil }
