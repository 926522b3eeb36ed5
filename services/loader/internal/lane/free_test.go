package lane

import (
	"testing"
	"time"

	"tapline.dev/schemas"
	"tapline.dev/services/loader/internal/recovery"
)

// A batch may have its outcome while a request of it may still be applied.
func TestIdentitiesStayLockedWhileARequestMayBeApplied(t *testing.T) {
	t.Parallel()
	l := empty()
	limits := Limits{Records: 1, Bytes: 1000}
	for i, identity := range []string{"a", "a", "b"} {
		l.Push(item(int64(i), identity, "1.1.1"), start)
	}
	first, _ := l.Cut(start, limits)
	until := start.Add(time.Second)
	l.Finish(first, until)
	if b, _ := l.Cut(start, limits); b != nil {
		t.Fatal("a second version was cut while the first may still be applied")
	}
	if offset, _, _ := l.Prefix(9); offset != 0 {
		t.Fatalf("committed %d: a successor would not know of the request", offset)
	}
	if some, again := l.FreeDue(until.Add(-1)); some || !again.Equal(until) {
		t.Fatalf("Free() = %v, %v before the time", some, again)
	}
	if some, again := l.FreeDue(until); !some || !again.IsZero() {
		t.Fatalf("Free() = %v, %v at the time", some, again)
	}
	if b, _ := l.Cut(until, limits); b == nil || b.First() != 1 {
		t.Fatal("the second version is not cut")
	}
	if offset, _, _ := l.Prefix(9); offset != 1 {
		t.Errorf("prefix %d, want 1", offset)
	}
}

// What an earlier owner sent holds up newer versions, whatever its outcome, and for
// as long as each request may be applied.
func TestARequestOfAnEarlierOwnerLocksItsIdentities(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{schemas.ReportIntent, schemas.ReportReceipt} {
		history := recovery.New("customers", 0, 0)
		ranges := []schemas.Range{{Prev: -1, From: 0, To: 0}}
		report := &schemas.Report{Kind: kind, Import: "customers", Intent: &schemas.Intent{Ranges: ranges, OpenMillis: 1000}}
		if kind == schemas.ReportReceipt {
			report.Intent, report.Receipt = nil, &schemas.Receipt{Ranges: ranges, OpenMillis: 1000}
		}
		history.Add(report, time.Hour)
		l := ready(0, history)
		l.Push(item(0, "a", "1.1.1"), start)
		l.Push(item(1, "a", "1.1.2"), start)
		b := l.CutUnsent(start, 10)
		if until := start.Add(time.Second); len(b.Items) != 1 || !b.OpenUntil.Equal(until) {
			t.Fatalf("%s: %d records, open until %v; want one until %v", kind, len(b.Items), b.OpenUntil, until)
		}
		l.Finish(b, b.OpenUntil)
		if b, _ := l.Cut(start.Add(999*time.Millisecond), Limits{Records: 1, Bytes: 1000}); b != nil {
			t.Errorf("%s: a newer version was cut", kind)
		}
		l.FreeDue(start.Add(time.Second))
		if b, _ := l.Cut(start.Add(time.Second), Limits{Records: 1, Bytes: 1000}); b == nil {
			t.Errorf("%s: the newer version is not cut", kind)
		}
	}
}
