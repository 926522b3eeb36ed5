package loader

import (
	"context"
	"encoding/json"
	"maps"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// tally is the fold's view of an import's reports: the first receipt of an
// offset counts. Outcomes are read only after the test's work is done.
type tally struct {
	outcomes  map[int32]map[int64]string // by partition and offset: "loaded", a code or a reason
	byOutcome map[string]int
	total     int
	receipts  int
	resent    int64
	uncertain int64
	waiting   []schemas.Waiting
	// suppressed are the positions of rows that receipts name as suppressed.
	suppressed []int64
}

// follow reads the reports topic until the test ends.
func (w *world) follow() {
	from := map[kafka.TP]int64{}
	for p := range int32(schemas.ControlPartitions) {
		from[kafka.TP{Topic: w.topics.Reports(), Partition: p}] = 0
	}
	tail, err := kafka.OpenTail(w.kafka, w.deps, from)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			records, err := tail.Poll(ctx, 1000)
			if err != nil {
				return
			}
			w.mu.Lock()
			for _, r := range records {
				if kafka.HeaderValue(r, "ce_type") != nil { // else a test's own
					w.take(r.Value)
				}
			}
			w.mu.Unlock()
		}
	}()
	w.t.Cleanup(func() {
		cancel()
		<-done
		tail.Close()
	})
}

func (w *world) take(value []byte) {
	var report schemas.Report
	if err := json.Unmarshal(value, &report); err != nil {
		w.t.Errorf("an unreadable report: %v", err)
		return
	}
	out := w.of(report.Import)
	switch report.Kind {
	case schemas.ReportWaiting:
		out.waiting = append(out.waiting, *report.Waiting)
	case schemas.ReportReceipt:
		out.receipt(report.Receipt)
	}
}

func (w *world) of(name string) *tally {
	if w.tallies[name] == nil {
		w.tallies[name] = &tally{outcomes: map[int32]map[int64]string{}, byOutcome: map[string]int{}}
	}
	return w.tallies[name]
}

// tally returns what the reports say so far.
func (w *world) tally(name string) tally {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := *w.of(name)
	out.byOutcome = maps.Clone(out.byOutcome)
	return out
}

func (t *tally) receipt(r *schemas.Receipt) {
	t.receipts++
	t.resent += r.Resent
	t.uncertain += r.Uncertain
	t.suppressed = append(t.suppressed, r.Suppressed...)
	special := map[int64]string{}
	for _, o := range append(r.Rejected, r.Skipped...) {
		special[o.Offset] = o.Code
	}
	if t.outcomes[r.Partition] == nil {
		t.outcomes[r.Partition] = map[int64]string{}
	}
	for _, rg := range r.Ranges {
		for o := rg.From; o <= rg.To; o++ {
			if _, taken := t.outcomes[r.Partition][o]; taken {
				t.resent++
				continue
			}
			outcome := "loaded"
			if r.SkipReason != "" {
				outcome = r.SkipReason
			} else if code, ok := special[o]; ok {
				outcome = code
			}
			t.outcomes[r.Partition][o] = outcome
			t.byOutcome[outcome]++
			t.total++
		}
	}
}
