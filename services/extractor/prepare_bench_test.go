package extractor

import (
	"context"
	"fmt"
	"testing"
	"time"

	"tapline.dev/domain/mapping"
	"tapline.dev/libs/telemetry"
	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/attempt"
	"tapline.dev/services/extractor/internal/chunk"
	"tapline.dev/services/extractor/internal/ledger"
	"tapline.dev/services/extractor/internal/plan"
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
	p, err := plan.New(spec(), mapping.Options{})
	if err != nil {
		b.Fatal(err)
	}
	r, err := p.Read(w.columns, time.Now(), false)
	if err != nil {
		b.Fatal(err)
	}
	a := attempt.Attempt{
		Subject: importName, Import: importName,
		Run: schemas.ActiveRun{Run: "customers.1", Number: 1, Attempt: 1, Mode: schemas.ModeFull, Spec: spec()},
	}
	m := chunk.Ledgers{Recorder: ledger.NewRecorder(discardStore{}, ledger.Config{Import: importName, Number: 1, Attempt: 1, Limit: DefaultConfig().LedgerLimit, Low: r.Cursor.Low})}
	prep, err := chunk.NewPreparer(chunk.Config{
		Attempt: a, Topics: schemas.NewTopics("tapline."), MaxRow: chunk.MaxRow(int64(DefaultConfig().Kafka.MaxMessageBytes)),
		Spans: telemetry.NewParts(telemetry.Discard().Tracer(name), "extract chunk", slowChunk), Log: telemetry.Discard().Logger,
	}, r, m, schemas.Extraction{ByPartition: make([]int64, a.Partitions())}, at(1000))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		c, err := prep.Prepare(b.Context(), i, data)
		if err != nil {
			b.Fatal(err)
		}
		if len(c.Records()) != n {
			b.Fatalf("%d records", len(c.Records()))
		}
		i++
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/row")
}

// discardStore takes values and keeps none.
type discardStore struct{ ledger.Store }

func (discardStore) Set(context.Context, string, []byte, time.Duration) error { return nil }
