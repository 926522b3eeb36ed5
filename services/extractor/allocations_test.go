package extractor

import (
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

// TestARowCostsOneObject: what a chunk allocates is slabs, a few objects for each batch of
// it, and for each row the text of its cursor.
func TestARowCostsOneObject(t *testing.T) {
	if raced {
		t.Skip("the race detector allocates for itself: make test-large runs it without")
	}
	const n = 10_000
	rows := make([]dbRow, n)
	for i := range rows {
		rows[i] = dbRow{int64(i), fmt.Sprintf("somebody-%d@example.com", i), at(i / 100)}
	}
	data := encode(rows)
	p, err := plan.New(spec(), mapping.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := p.Read(newWarehouse().columns, time.Now(), false)
	if err != nil {
		t.Fatal(err)
	}
	a := attempt.Attempt{
		Subject: importName, Import: importName,
		Run: schemas.ActiveRun{Run: "customers.1", Number: 1, Attempt: 1, Mode: schemas.ModeFull, Spec: spec()},
	}
	ledgers := chunk.Ledgers{Recorder: ledger.NewRecorder(discardStore{}, ledger.Config{Import: importName, Number: 1, Attempt: 1, Limit: DefaultConfig().LedgerLimit, Low: r.Cursor.Low})}
	prep, err := chunk.NewPreparer(chunk.Config{
		Attempt: a, Topics: schemas.NewTopics("tapline."), MaxRow: chunk.MaxRow(int64(DefaultConfig().Kafka.MaxMessageBytes)),
		Spans: telemetry.NewParts(telemetry.Discard().Tracer(name), "extract chunk", slowChunk), Log: telemetry.Discard().Logger,
	}, r, ledgers, schemas.Extraction{ByPartition: make([]int64, a.Partitions())}, at(1000))
	if err != nil {
		t.Fatal(err)
	}
	i := 0
	allocations := testing.AllocsPerRun(5, func() {
		c, err := prep.Prepare(t.Context(), i, data)
		if err != nil || len(c.Records()) != n {
			t.Fatal(err)
		}
		i++
	})
	if most := float64(n + n/20); allocations > most {
		t.Errorf("%v objects for a chunk of %d rows, want at most %v", allocations, n, most)
	}
}
