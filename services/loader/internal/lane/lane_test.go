package lane

import (
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/services/loader/internal/recovery"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func record(offset int64, identity, id string) *kafka.Record {
	return &kafka.Record{
		Offset: offset, Key: []byte(identity), Value: []byte("0123456789"),
		Headers: []kafka.Header{{Key: schemas.HeaderID, Value: []byte(id)}},
	}
}

var seed = maphash.MakeSeed()

func item(offset int64, identity, id string) Item { return Read(seed, record(offset, identity, id)) }

// ready is a lane that starts at an offset with a history.
func ready(committed int64, history *recovery.History) *Lane {
	l := New()
	l.Recover(committed, recovery.CommitMetadata{Reports: 7, Prev: committed - 1}, history, true, start)
	return l
}

func empty() *Lane { return ready(0, recovery.New("customers", 0, 0)) }

func offsets(b *Batch) []int64 {
	if b == nil {
		return nil
	}
	var out []int64
	for _, item := range b.Items {
		out = append(out, item.Record.Offset)
	}
	return out
}

func TestCut(t *testing.T) {
	t.Parallel()
	type rec struct {
		offset       int64
		identity, id string
	}
	limits := Limits{Records: 3, Bytes: 1000, Linger: time.Second}
	tests := []struct {
		name   string
		have   []rec
		limits Limits
		after  time.Duration
		want   []int64
		again  bool // a later time is named
	}{
		{"nothing", nil, limits, time.Hour, nil, false},
		{"full", []rec{{0, "a", "1.1.1"}, {1, "b", "1.1.2"}, {2, "c", "1.1.3"}, {3, "d", "1.1.4"}}, limits, 0, []int64{0, 1, 2}, false},
		{"not full, lingers", []rec{{0, "a", "1.1.1"}}, limits, 0, nil, true},
		{"not full, lingered", []rec{{0, "a", "1.1.1"}, {5, "b", "1.1.2"}}, limits, time.Second, []int64{0, 5}, false},
		{"another attempt begins", []rec{{0, "a", "1.1.1"}, {1, "b", "1.2.1"}}, limits, 0, []int64{0}, false},
		{"another run begins", []rec{{0, "a", "1.1.1"}, {1, "b", "2.1.1"}}, limits, 0, []int64{0}, false},
		{"an unreadable id", []rec{{0, "a", "x"}, {1, "b", "0.0.1"}}, limits, 0, []int64{0}, false},
		{"bytes", []rec{{0, "a", "1.1.1"}, {1, "b", "1.1.2"}, {2, "c", "1.1.3"}}, Limits{Records: 9, Bytes: 25, Linger: time.Second}, 0, []int64{0, 1}, false},
		{"one record larger than a body", []rec{{0, "a", "1.1.1"}, {1, "b", "1.1.2"}}, Limits{Records: 9, Bytes: 3, Linger: time.Second}, 0, []int64{0}, false},
		{"an identity twice", []rec{{0, "a", "1.1.1"}, {1, "a", "1.1.2"}, {2, "b", "1.1.3"}}, limits, 0, []int64{0, 1, 2}, false},
		{"an identity once at a time", []rec{{0, "a", "1.1.1"}, {1, "b", "1.1.2"}, {2, "a", "1.1.3"}}, Limits{Records: 9, Bytes: 1000, Linger: time.Second, MayFollow: Never}, 0, []int64{0, 1}, false},
		{"an identity twice, the newer covers the older", []rec{{0, "a", "1.1.1"}, {1, "b", "1.1.2"}, {2, "a", "1.1.3"}}, Limits{Records: 9, Bytes: 1000, Linger: time.Second, MayFollow: func(_, _ []byte) bool { return true }}, time.Second, []int64{0, 1, 2}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := empty()
			for _, r := range tt.have {
				l.Push(item(r.offset, r.identity, r.id), start)
			}
			b, again := l.Cut(start.Add(tt.after), tt.limits)
			if diff := cmp.Diff(tt.want, offsets(b)); diff != "" {
				t.Errorf("Cut() mismatch (-want +got):\n%s", diff)
			}
			if again.IsZero() == tt.again {
				t.Errorf("again = %v, want one: %v", again, tt.again)
			}
		})
	}
}

func TestLocksHoldUntilFinish(t *testing.T) {
	t.Parallel()
	l := empty()
	for i, identity := range []string{"a", "b", "c", "a", "d"} {
		l.Push(item(int64(i), identity, "1.1.1"), start)
	}
	limits := Limits{Records: 2, Bytes: 1000, Linger: time.Second}
	first, _ := l.Cut(start, limits)
	if b, again := l.Cut(start, limits); b != nil || !again.Equal(start.Add(time.Second)) {
		t.Fatalf("Cut() = %v, %v; want to linger: the lock cuts it short", offsets(b), again)
	}
	second, _ := l.Cut(start.Add(time.Second), limits)
	if diff := cmp.Diff([]int64{2}, offsets(second)); diff != "" {
		t.Fatalf("second batch mismatch (-want +got):\n%s", diff)
	}
	if b, again := l.Cut(start.Add(time.Hour), limits); b != nil || !again.IsZero() {
		t.Fatalf("Cut() = %v, %v; want none while a is locked", offsets(b), again)
	}
	l.Finish(first, time.Time{})
	third, _ := l.Cut(start.Add(time.Hour), limits)
	if diff := cmp.Diff([]int64{3, 4}, offsets(third)); diff != "" {
		t.Errorf("third batch mismatch (-want +got):\n%s", diff)
	}
}

// TestBlanksAroundAnIdentityDoNotUnlockIt: to CleverTap it may be one user.
func TestBlanksAroundAnIdentityDoNotUnlockIt(t *testing.T) {
	t.Parallel()
	l := empty()
	limits := Limits{Records: 1, Bytes: 1000, Linger: time.Second}
	for i, identity := range []string{"42", " 42", "43"} {
		l.Push(item(int64(i), identity, fmt.Sprintf("1.1.%d", i+1)), start)
	}
	first, _ := l.Cut(start, limits)
	second, _ := l.Cut(start, limits)
	if got := [][]int64{offsets(first), offsets(second)}; !cmp.Equal(got, [][]int64{{0}, nil}) {
		t.Errorf("cut %v while 42 is in flight, want [[0] []]", got)
	}
}

func TestPrefixCoversFinishedBatchesAndKeepsTheirReports(t *testing.T) {
	t.Parallel()
	l := empty()
	var batches []*Batch
	for i := range int64(4) {
		l.Push(item(i*2, fmt.Sprint(i), "1.1.1"), start) // every second offset is a gap
		b, _ := l.Cut(start, Limits{Records: 1, Bytes: 100})
		b.ReportsFloor = 100 + i*10
		batches = append(batches, b)
	}
	prefix := func(next int64) string {
		offset, metadata, changed := l.Prefix(next)
		return fmt.Sprint(offset, metadata, changed)
	}
	if got, want := prefix(200), `0 {"reports":100,"prev":-1} false`; got != want {
		t.Errorf("nothing finished: %s, want %s", got, want)
	}
	l.Finish(batches[1], time.Time{})
	l.Finish(batches[3], time.Time{})
	if got, want := prefix(200), `0 {"reports":100,"prev":-1} false`; got != want {
		t.Errorf("a hole: %s, want %s", got, want)
	}
	l.Finish(batches[0], time.Time{})
	if got, want := prefix(200), `3 {"reports":120,"prev":2} true`; got != want {
		t.Errorf("two finished: %s, want %s", got, want)
	}
	offset, metadata, _ := l.Prefix(200)
	l.Committed(offset, metadata)
	if l.Open() != 2 {
		t.Errorf("%d open after the commit, want 2", l.Open())
	}
	l.Finish(batches[2], time.Time{})
	if got, want := prefix(200), `7 {"reports":200,"prev":6} true`; got != want {
		t.Errorf("all finished: %s, want %s", got, want)
	}
}

func TestHistoryDecidesTheState(t *testing.T) {
	t.Parallel()
	history := recovery.New("customers", 0, 10)
	history.Add(&schemas.Report{Kind: schemas.ReportIntent, Import: "customers", Intent: &schemas.Intent{Ranges: []schemas.Range{{From: 8, To: 13}}}}, time.Second)
	history.Add(&schemas.Report{Kind: schemas.ReportReceipt, Import: "customers", Receipt: &schemas.Receipt{Ranges: []schemas.Range{{From: 12, To: 12}}}}, time.Second)
	l := ready(10, history)
	for i := int64(10); i < 16; i++ {
		l.Push(item(i, fmt.Sprint(i), "1.1.1"), start)
	}
	var got []string
	for l.Pending() > 0 {
		b := l.CutUnsent(start, 100)
		b.ReportsFloor = 50
		got = append(got, fmt.Sprint(b.State, offsets(b), b.Items[0].Prev))
	}
	want := []string{"1 [10 11] 9", "2 [12] 11", "1 [13] 12", "0 [14 15] 13"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("batches mismatch (-want +got):\n%s", diff)
	}
	// While an offset of the history is not committed, a successor needs the old
	// reports as well.
	if _, metadata, _ := l.Prefix(60); metadata.Reports != 7 {
		t.Errorf("reports from %d, want the inherited 7", metadata.Reports)
	}
}

func TestNothingIsCutBeforeACommitStands(t *testing.T) {
	t.Parallel()
	l := New()
	l.Push(item(5, "a", "1.1.1"), start)
	if _, _, ok := l.Head(); ok {
		t.Fatal("a head before the recovery")
	}
	l.Recover(5, recovery.CommitMetadata{Reports: 3, Prev: 4}, recovery.New("customers", 0, 5), false, start)
	if _, _, ok := l.Head(); ok {
		t.Fatal("a head before the first commit")
	}
	offset, metadata, changed := l.Prefix(9)
	if offset != 5 || !changed {
		t.Fatalf("Prefix() = %d, %v; want 5 as news", offset, changed)
	}
	l.Committed(offset, metadata)
	if item, _, ok := l.Head(); !ok || item.Prev != 4 {
		t.Errorf("head %+v, %v; want one whose predecessor is 4", item, ok)
	}
}

// The reports position of an import that is idle for long follows the reports of other
// imports, once no report about the lane is needed any more.
func TestTheReportsPositionOfAnIdleLaneMoves(t *testing.T) {
	t.Parallel()
	told := recovery.New("customers", 0, 5)
	told.Add(&schemas.Report{Kind: schemas.ReportIntent, Import: "customers", Intent: &schemas.Intent{Ranges: []schemas.Range{{Prev: 4, From: 5, To: 6}}}}, time.Second)
	for _, tt := range []struct {
		name         string
		past         *recovery.History
		queued, open bool
		next         int64
		want         bool
	}{
		{"a little behind", nil, false, false, 3 + maxReportsBehind, false},
		{"far behind", nil, false, false, 4 + maxReportsBehind, true},
		{"with a record to come", nil, true, false, 4 + maxReportsBehind, false},
		{"with a batch in flight", nil, true, true, 4 + maxReportsBehind, false},
		{"before what earlier owners sent", told, false, false, 4 + maxReportsBehind, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := New()
			if tt.past == nil {
				tt.past = recovery.New("customers", 0, 5)
			}
			l.Recover(5, recovery.CommitMetadata{Reports: 3, Prev: 4}, tt.past, true, start)
			if tt.queued {
				l.Push(item(5, "a", "1.1.1"), start)
			}
			if tt.open {
				l.Cut(start, Limits{Records: 1, Bytes: 100})
			}
			offset, metadata, changed := l.Prefix(tt.next)
			if offset != 5 || metadata.Prev != 4 || changed != tt.want || changed && metadata.Reports != tt.next {
				t.Errorf("Prefix() = %d, %v, %v; want 5 and news: %v", offset, metadata, changed, tt.want)
			}
		})
	}
}

func TestOpenBatchesAreBounded(t *testing.T) {
	t.Parallel()
	l := empty()
	cut := 0
	for i := range int64(200) {
		l.Push(item(i, fmt.Sprint(i), "1.1.1"), start)
		if b, _ := l.Cut(start, Limits{Records: 1, Bytes: 100}); b != nil {
			cut++
		}
	}
	if cut != MaxOpen {
		t.Errorf("%d batches are open, want %d", cut, MaxOpen)
	}
}

// Invariant 4 by random histories: batches in flight never share an identity,
// every record is cut once and in order.
func TestRandomHistories(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	l := empty()
	var flight []*Batch
	next, pushed := int64(0), int64(0)
	for range 20_000 {
		switch random.IntN(3) {
		case 0:
			l.Push(item(pushed, fmt.Sprint(random.IntN(50)), "1.1.1"), start)
			pushed++
		case 1:
			b, _ := l.Cut(start, Limits{Records: 1 + random.IntN(5), Bytes: 1000})
			if b == nil {
				continue
			}
			for _, item := range b.Items {
				if item.Record.Offset != next {
					t.Fatalf("cut offset %d, want %d", item.Record.Offset, next)
				}
				next++
				for _, other := range flight {
					for _, theirs := range other.Items {
						if string(theirs.Record.Key) == string(item.Record.Key) {
							t.Fatal("two batches in flight share an identity")
						}
					}
				}
			}
			flight = append(flight, b)
		case 2:
			if len(flight) > 0 {
				i := random.IntN(len(flight))
				l.Finish(flight[i], time.Time{})
				flight = append(flight[:i], flight[i+1:]...)
				offset, metadata, _ := l.Prefix(0)
				l.Committed(offset, metadata)
			}
		}
	}
	if next < 1000 {
		t.Errorf("only %d records were cut: the test shows nothing", next)
	}
}

// TestSharedLaneKeepsRunsApart: two runs of different subjects may have one
// number.
func TestSharedLaneKeepsRunsApart(t *testing.T) {
	t.Parallel()
	l := NewShared()
	l.Recover(0, recovery.CommitMetadata{Prev: -1}, recovery.New("", 0, 0), true, start)
	for i, run := range []string{"a.d1", "a.d1", "b.d1"} {
		l.Push(item(int64(i), run, "1.1.1"), start)
	}
	limits := Limits{Records: 3, Bytes: 1000}
	for _, want := range [][]int64{{0, 1}, {2}} {
		b, _ := l.Cut(start, limits)
		if diff := cmp.Diff(want, offsets(b)); diff != "" {
			t.Errorf("batch (-want +got):\n%s", diff)
		}
	}
}
