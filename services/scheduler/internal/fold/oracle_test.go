package fold_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/schemas"
	"tapline.dev/services/scheduler/internal/fold"
)

// topic is one partition of a records topic: the offsets that hold records, with
// gaps where transaction markers lie.
type topic []int64

func newTopic(r *rand.Rand, records int) topic {
	var t topic
	offset := int64(r.IntN(3))
	for range records {
		t = append(t, offset)
		offset++
		if r.IntN(4) == 0 {
			offset += 1 + int64(r.IntN(2))
		}
	}
	return t
}

// ranges describes the records from..to (by index), broken at gaps.
func (t topic) ranges(from, to int) []schemas.Range {
	var out []schemas.Range
	for i := from; i <= to; i++ {
		prev := int64(-1)
		if i > 0 {
			prev = t[i-1]
		}
		if n := len(out); n > 0 && i > from && out[n-1].To == t[i]-1 {
			out[n-1].To = t[i]
			continue
		}
		out = append(out, schemas.Range{Prev: prev, From: t[i], To: t[i]})
	}
	return out
}

// oracle counts receipts the slow way: one map entry for each offset.
type oracle struct {
	outcome map[int64]string
	resent  int64
}

func (o *oracle) take(rec *schemas.Receipt) {
	again := int64(0)
	for _, r := range rec.Ranges {
		for offset := r.From; offset <= r.To; offset++ {
			outcome := "loaded"
			for _, x := range rec.Rejected {
				if x.Offset == offset {
					outcome = "rejected " + x.Code
				}
			}
			for _, x := range rec.Skipped {
				if x.Offset == offset {
					outcome = "skipped " + x.Code
				}
			}
			if rec.SkipReason != "" {
				outcome = "skipped " + rec.SkipReason
			}
			if _, taken := o.outcome[offset]; !taken {
				o.outcome[offset] = outcome
			} else if outcome == "loaded" || outcome[:3] == "rej" {
				again++
			}
		}
	}
	if rec.SkipReason == "" {
		o.resent += max(again, rec.Resent)
	}
}

func randomReceipt(r *rand.Rand, t topic) *schemas.Receipt {
	from := r.IntN(len(t))
	to := min(len(t)-1, from+r.IntN(8))
	rec := &schemas.Receipt{Ranges: t.ranges(from, to), Records: to - from + 1}
	if r.IntN(6) == 0 {
		rec.SkipReason = schemas.SkipClosed
		return rec
	}
	for _, offset := range t[from : to+1] {
		switch r.IntN(6) {
		case 0:
			rec.Rejected = append(rec.Rejected, schemas.OffsetOutcome{Offset: offset, Code: fmt.Sprintf("clevertap_%d", 510+r.IntN(3))})
		case 1:
			rec.Skipped = append(rec.Skipped, schemas.OffsetOutcome{Offset: offset, Code: schemas.SkipSuperseded})
		}
	}
	if r.IntN(4) == 0 {
		rec.Resent = int64(r.IntN(rec.Records + 1))
	}
	if r.IntN(3) == 0 { // the ranges of an upload come in no order
		r.Shuffle(len(rec.Ranges), func(i, j int) { rec.Ranges[i], rec.Ranges[j] = rec.Ranges[j], rec.Ranges[i] })
	}
	return rec
}

// TestReceiptsAgainstOracle gives the fold receipts that overlap, repeat, come
// out of order and leave gaps, and compares it with a count of single offsets.
func TestReceiptsAgainstOracle(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	for round := range 2000 {
		r := rand.New(rand.NewPCG(seed, uint64(round)))
		records := newTopic(r, 1+r.IntN(40))
		f := fold.New("a.1", "a", 1, time.Time{})
		want := &oracle{outcome: map[int64]string{}}
		var sent []*schemas.Receipt
		for range r.IntN(30) {
			rec := randomReceipt(r, records)
			if len(sent) > 0 && r.IntN(5) == 0 {
				rec = sent[r.IntN(len(sent))]
			}
			sent = append(sent, rec)
			want.take(rec)
			fold.Apply(f, 1, &schemas.Report{Attempt: 1, Receipt: rec}, time.Time{})
		}
		if diff := cmp.Diff(want.fold(records), summary(f)); diff != "" {
			t.Fatalf("seed %d round %d (-want +got):\n%s", seed, round, diff)
		}
	}
}

type sums struct {
	Part          schemas.FoldPartition
	Rejects, Skip map[string]int64
	Resent        int64
}

func summary(f *schemas.Fold) sums {
	return sums{Part: f.Partitions[0], Rejects: f.RejectsByCode, Skip: f.Skipped, Resent: f.Resent}
}

// fold is what the oracle expects; the taken ranges are the longest there are.
func (o *oracle) fold(records topic) sums {
	s := sums{Rejects: map[string]int64{}, Skip: map[string]int64{}, Resent: o.resent}
	open := false
	for i, offset := range records {
		outcome, taken := o.outcome[offset]
		if !taken {
			open = false
			continue
		}
		switch {
		case outcome == "loaded":
			s.Part.Loaded++
		case outcome[:3] == "rej":
			s.Part.LoadRejected++
			s.Rejects[outcome[len("rejected "):]]++
		default:
			s.Part.LoadSkipped++
			s.Skip[outcome[len("skipped "):]]++
		}
		if open {
			s.Part.CountedRanges[len(s.Part.CountedRanges)-1].To = offset
			continue
		}
		prev := int64(-1)
		if i > 0 {
			prev = records[i-1]
		}
		s.Part.CountedRanges = append(s.Part.CountedRanges, schemas.Range{Prev: prev, From: offset, To: offset})
		open = true
	}
	return s
}

// TestUnknownPrevNeverTakesTooMuch: a loader that does not know the record
// before says -1; nothing between may count as taken.
func TestUnknownPrevNeverTakesTooMuch(t *testing.T) {
	t.Parallel()
	f := fold.New("a.1", "a", 1, time.Time{})
	for _, r := range []schemas.Range{{Prev: -1, From: 0, To: 3}, {Prev: -1, From: 9, To: 12}, {Prev: 3, From: 5, To: 6}} {
		fold.Apply(f, 1, &schemas.Report{Attempt: 1, Receipt: &schemas.Receipt{Ranges: []schemas.Range{r}}}, time.Time{})
	}
	want := []schemas.Range{{Prev: -1, From: 0, To: 6}, {Prev: -1, From: 9, To: 12}}
	if diff := cmp.Diff(want, f.Partitions[0].CountedRanges); diff != "" || f.Partitions[0].Loaded != 10 {
		t.Errorf("loaded %d (-want +got):\n%s", f.Partitions[0].Loaded, diff)
	}
}

// TestWholeRunAgainstOracle sends a run's reports in a random order and checks
// that it is settled after the last of them and never before.
func TestWholeRunAgainstOracle(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	for round := range 300 {
		r := rand.New(rand.NewPCG(seed, uint64(round)))
		const partitions = 3
		var reports []*schemas.Report
		e := schemas.Extraction{Chunks: 1, Unchanged: 2, Rejected: 1, ByPartition: make([]int64, partitions), RejectsByCode: map[string]int64{"row_unreadable": 1}}
		rejects := int64(1)
		for p := range partitions {
			records := newTopic(r, r.IntN(30))
			mapRejected := int64(r.IntN(4))
			e.ByPartition[p] = int64(len(records)) + mapRejected
			e.Extracted += e.ByPartition[p]
			rejects += mapRejected
			if e.ByPartition[p] > 0 {
				reports = append(reports, &schemas.Report{Attempt: 1, Mapped: &schemas.Mapped{Partition: int32(p), Mapped: int64(len(records)), RejectsByCode: map[string]int64{"date_format": mapRejected}}})
			}
			for i := 0; i < len(records); {
				to := min(len(records)-1, i+r.IntN(7))
				reports = append(reports, &schemas.Report{Attempt: 1, Receipt: &schemas.Receipt{Partition: int32(p), Ranges: records.ranges(i, to)}})
				i = to + 1
			}
		}
		e.Read = e.Extracted + e.Unchanged + e.Rejected
		reports = append(reports, &schemas.Report{Attempt: 1, Final: &schemas.Final{Extraction: e}})
		r.Shuffle(len(reports), func(i, j int) { reports[i], reports[j] = reports[j], reports[i] })
		f := fold.New("a.1", "a", partitions, time.Time{})
		for i, report := range reports {
			if i > 0 && r.IntN(3) == 0 && reports[i-1].Mapped == nil {
				fold.Apply(f, 1, reports[i-1], time.Time{}) // a repeated report
			}
			if fold.Settled(f) {
				t.Fatalf("seed %d round %d: settled after %d of %d reports", seed, round, i, len(reports))
			}
			fold.Apply(f, 1, report, time.Time{})
		}
		state, runErr := fold.Judge(f, &schemas.ActiveRun{Attempt: 1})
		if !fold.Settled(f) || state != schemas.StateSucceededWithRejects || runErr != nil {
			t.Fatalf("seed %d round %d: settled %v as %s, %v", seed, round, fold.Settled(f), state, runErr)
		}
		if c := fold.Counts(f); c.Rejected() != rejects || c.Read != e.Read || c.Loaded != c.Mapped {
			t.Fatalf("seed %d round %d: counts %+v", seed, round, c)
		}
	}
}
