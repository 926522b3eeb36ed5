package fold

import (
	"strings"
	"testing"
	"time"

	"tapline.dev/schemas"
)

// TestFutureRowsAreNoted: a cursor in another unit or timezone than the definition
// says makes rows wait for ever, in a run that succeeds.
func TestFutureRowsAreNoted(t *testing.T) {
	t.Parallel()
	f := New("customers.2", "customers", 1, time.Time{})
	f.Attempts = map[int]schemas.Extraction{1: {Read: 9, Future: 2}, 2: {Read: 9, Future: 3}}
	notes := rowNotes(f)
	if len(notes) != 1 || !strings.HasPrefix(notes[0], "rows with a cursor in the future: 5,") || !strings.Contains(notes[0], "timezone") {
		t.Errorf("the notes are %q", notes)
	}
	f.Attempts = map[int]schemas.Extraction{1: {Read: 9}}
	if notes := rowNotes(f); len(notes) != 0 {
		t.Errorf("without such rows the notes are %q", notes)
	}
}

// TestEventsByTheirAgeAreNoted: CleverTap answers success to events that it drops.
func TestEventsByTheirAgeAreNoted(t *testing.T) {
	t.Parallel()
	f := New("customers.2", "customers", 1, time.Time{})
	for partition := range int32(2) {
		mapped(f, 1, &schemas.Mapped{Partition: partition, Mapped: 9, Aged: map[string]int64{"outside_retention": 2, "event_live": 1, "of nobody": 5}})
	}
	notes := rowNotes(f)
	if len(f.Aged) != 2 || len(notes) != 2 || !strings.HasSuffix(notes[0], "after an answer of success: 4") || !strings.HasSuffix(notes[1], "live campaigns: 2") {
		t.Errorf("the notes are %q of %v", notes, f.Aged)
	}
}
