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

// preparedRows is how many rows the chunk of preparer has.
const preparedRows = 10_000

// preparer is what makes records of the rows of a chunk, and the chunk.
func preparer(tb testing.TB) (prep *chunk.Preparer, data []byte) {
	tb.Helper()
	rows := make([]dbRow, preparedRows)
	for i := range rows {
		rows[i] = dbRow{int64(i), fmt.Sprintf("somebody-%d@example.com", i), at(i / 100)}
	}
	p, err := plan.New(spec(), mapping.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	r, err := p.Read(newWarehouse().columns, time.Now(), false)
	if err != nil {
		tb.Fatal(err)
	}
	a := attempt.Attempt{
		Subject: importName, Import: importName,
		Run: schemas.ActiveRun{Run: "customers.1", Number: 1, Attempt: 1, Mode: schemas.ModeFull, Spec: spec()},
	}
	ledgers := chunk.Ledgers{Recorder: ledger.NewRecorder(discardStore{}, ledger.Config{Import: importName, Number: 1, Attempt: 1, Limit: DefaultConfig().LedgerLimit, Low: r.Cursor.Low})}
	prep, err = chunk.NewPreparer(chunk.Config{
		Attempt: a, Topics: schemas.NewTopics("tapline."), MaxRow: chunk.MaxRow(int64(DefaultConfig().Kafka.MaxMessageBytes)),
		Spans: telemetry.NewParts(telemetry.Discard().Tracer(name), "extract chunk", slowChunk), Log: telemetry.Discard().Logger,
	}, r, ledgers, schemas.Extraction{ByPartition: make([]int64, a.Partitions())}, at(1000))
	if err != nil {
		tb.Fatal(err)
	}
	return prep, encode(rows)
}

// BenchmarkPrepare takes chunks from Arrow to the records of a transaction: what
// one core does for a row, without the download and Kafka.
func BenchmarkPrepare(b *testing.B) {
	prep, data := preparer(b)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		c, err := prep.Prepare(b.Context(), i, data)
		if err != nil {
			b.Fatal(err)
		}
		if len(c.Records()) != preparedRows {
			b.Fatalf("%d records", len(c.Records()))
		}
		i++
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/preparedRows, "ns/row")
}

// discardStore takes values and keeps none.
type discardStore struct{ ledger.Store }

func (discardStore) Set(context.Context, string, []byte, time.Duration) error { return nil }
