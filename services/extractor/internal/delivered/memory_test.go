package delivered

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"flag"
	"runtime"
	"testing"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/ledger"
)

var memoryRows = flag.Int("delivered.rows", 100_000, "events that an earlier run has loaded, for TestMemoryOfLeavingOut")

// loadedRun is the log of a run that loaded n events and was cancelled: two reports for each
// upload, and a record for each event. One record in fifty was rejected, so that no long
// span of offsets is loaded.
type loadedRun struct{ n int }

func (l loadedRun) OffsetAt(context.Context, kafka.TP, time.Time) (int64, error) { return 0, nil }

func (l loadedRun) TopicID(context.Context, string) (string, error) { return "topic", nil }

func (l loadedRun) ReadTo(_ context.Context, tp kafka.TP, from int64, fn func(*kafka.Record) error) (int64, error) {
	if tp.Topic == schemas.NewTopics("").Reports() {
		return 0, l.reports(fn)
	}
	for offset := from; offset < int64(l.n); offset++ {
		var f [16]byte
		binary.BigEndian.PutUint64(f[:], uint64(offset)*0x9e3779b97f4a7c15)
		err := fn(&kafka.Record{Topic: tp.Topic, Offset: offset, Headers: []kafka.Header{
			{Key: schemas.HeaderID, Value: []byte("7.1.1")}, {Key: schemas.HeaderFingerprint, Value: ledger.Fingerprint(f).AppendText(nil)},
		}})
		if err != nil {
			return 0, err
		}
	}
	return int64(l.n), nil
}

func (l loadedRun) reports(fn func(*kafka.Record) error) error {
	report := func(r schemas.Report) error {
		r.Import, r.Run, r.Number, r.Attempt = "a", "a.7", 7, 1
		value, err := json.Marshal(r)
		if err != nil {
			return err
		}
		return fn(&kafka.Record{Key: []byte("a"), Value: value})
	}
	err := report(schemas.Report{Kind: schemas.ReportStarted, Started: &schemas.Started{Columns: []schemas.Column{{Name: "C"}}}})
	const upload = 1000
	for first := int64(0); first < int64(l.n) && err == nil; first += upload {
		all := []schemas.Range{{From: first, To: first + upload - 1}}
		receipt := schemas.Receipt{Ranges: all}
		for offset := first; offset < first+upload; offset += 50 {
			receipt.Rejected = append(receipt.Rejected, schemas.OffsetOutcome{Offset: offset, Code: "clevertap_515"})
		}
		err = report(schemas.Report{Kind: schemas.ReportIntent, Intent: &schemas.Intent{Ranges: all}})
		if err == nil {
			err = report(schemas.Report{Kind: schemas.ReportReceipt, Receipt: &receipt})
		}
	}
	return err
}

// TestMemoryOfLeavingOut: what is remembered of the events that an earlier run has loaded
// takes a bounded number of bytes for each, and ends at the limit; what is beyond it is
// counted.
func TestMemoryOfLeavingOut(t *testing.T) {
	n := *memoryRows
	ask := func(limit int) Found {
		t.Helper()
		found, err := Find(t.Context(), loadedRun{n}, Question{
			Import: "a", Topics: schemas.NewTopics(""), Limit: limit,
			Runs: []schemas.InterruptedRun{{Number: 7, Attempts: 1, RecordsTopic: "topic", Loaded: int64(n - n/50)}},
		})
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	before := held()
	found := ask(n)
	rows := len(found.Sets[0].Rows)
	each := float64(held()-before) / float64(rows)
	runtime.KeepAlive(found)
	t.Logf("%d rows are remembered in %.1f bytes each", rows, each)
	// Twice a fingerprint's size, because the list grows by more than it needs.
	if each > 32 || rows != n-n/50 || found.Untold != 0 {
		t.Errorf("%d rows of %d in %.1f bytes each, %d not told; want at most 32 bytes", rows, n-n/50, each, found.Untold)
	}
	found = ask(1000)
	if rows := len(found.Sets[0].Rows); rows != 1000 || found.Untold != int64(n-n/50-1000) {
		t.Errorf("with a limit of 1000: %d rows, %d not told", rows, found.Untold)
	}
}

// held is the size of what is in use.
func held() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
