package rejects

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// log is a partition whose records lie at the given offsets.
type log struct {
	start, end int64
	records    map[int64]schemas.Reject
	read       int64
}

func (l *log) StartOffset(context.Context, kafka.TP) (int64, error) { return l.start, nil }
func (l *log) EndOffset(context.Context, kafka.TP) (int64, error)   { return l.end, nil }

func (l *log) ReadTo(_ context.Context, tp kafka.TP, from int64, fn func(*kafka.Record) error) (int64, error) {
	for offset := max(from, l.start); offset < l.end; offset++ {
		reject, ok := l.records[offset]
		if !ok {
			continue // a marker
		}
		l.read++
		value, err := json.Marshal(reject)
		if err != nil {
			return 0, err
		}
		if err := fn(&kafka.Record{Topic: tp.Topic, Partition: tp.Partition, Offset: offset, Value: value}); err != nil {
			return 0, err
		}
	}
	return l.end, nil
}

func numbered(start, end int64) *log {
	l := &log{start: start, end: end, records: map[int64]schemas.Reject{}}
	for offset := start; offset < end; offset++ {
		switch {
		case offset%10 == 9: // a marker
		case offset%2 == 0:
			l.records[offset] = schemas.Reject{Import: "customers", Run: "customers.1", Code: "email_invalid", ID: fmt.Sprint(offset)}
		default:
			l.records[offset] = schemas.Reject{Import: "other", Run: "other.1", Code: "email_invalid", ID: fmt.Sprint(offset)}
		}
	}
	return l
}

func TestWalk(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		log   *log
		query Query
		limit int
		want  []string
		next  int64
	}{
		{"empty log", numbered(0, 0), Query{Import: "customers"}, 5, nil, 0},
		{"newest first, another import's left out", numbered(0, 9), Query{Import: "customers"}, 99, []string{"8", "6", "4", "2", "0"}, 0},
		{"a page", numbered(0, 9), Query{Import: "customers"}, 2, []string{"8", "6"}, 6},
		{"the page after it", numbered(0, 9), Query{Import: "customers", Before: 6}, 2, []string{"4", "2"}, 2},
		{"the last page", numbered(0, 9), Query{Import: "customers", Before: 2}, 2, []string{"0"}, 0},
		{"a run that is not there", numbered(0, 9), Query{Import: "customers", Run: "customers.2"}, 2, nil, 0},
		{"a code that is not there", numbered(0, 9), Query{Import: "customers", Code: "phone_invalid"}, 2, nil, 0},
		{"what retention left", numbered(6, 9), Query{Import: "customers"}, 9, []string{"8", "6"}, 0},
		{"a bounded look goes on where it stopped", numbered(0, 9), Query{Import: "customers", Scan: 3}, 9, []string{"8", "6"}, 6},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			next, err := Walk(t.Context(), tt.log, "rejects", tt.query, func(r schemas.Reject) error {
				got = append(got, r.ID)
				if len(got) == tt.limit {
					return ErrStop
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("rejects (-want +got):\n%s", diff)
			}
			if next != tt.next {
				t.Errorf("next = %d, want %d", next, tt.next)
			}
		})
	}
}

// TestWalkReadsAWindow shows that a page of a long log reads its end only.
func TestWalkReadsAWindow(t *testing.T) {
	t.Parallel()
	l := numbered(0, 20*window)
	if _, err := Walk(t.Context(), l, "rejects", Query{Import: "customers"}, func(schemas.Reject) error { return ErrStop }); err != nil {
		t.Fatal(err)
	}
	if l.read > window {
		t.Errorf("read %d records for one reject, want at most %d", l.read, window)
	}
}

func TestWalkOverWindows(t *testing.T) {
	t.Parallel()
	l := numbered(0, 3*window+7)
	count := 0
	last := int64(1 << 62)
	next, err := Walk(t.Context(), l, "rejects", Query{Import: "customers"}, func(r schemas.Reject) error {
		var offset int64
		if _, err := fmt.Sscan(r.ID, &offset); err != nil {
			return err
		}
		if offset >= last {
			return fmt.Errorf("offset %d after %d", offset, last)
		}
		last = offset
		count++
		return nil
	})
	if err != nil || next != 0 {
		t.Fatalf("Walk = %d, %v", next, err)
	}
	if want := (3*window+7)/2 + 1; count != want {
		t.Errorf("%d rejects, want %d", count, want)
	}
}

// TestAClosedIndexSaysWhy: Run knows the reason only once nobody reads the file any more.
func TestAClosedIndexSaysWhy(t *testing.T) {
	t.Parallel()
	s, err := openStore(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	x := New(Config{}, Deps{})
	x.opened(s, map[kafka.TP]int64{})
	x.closed()
	_, _, _, err = x.now(kafka.TP{})
	if want := "the index of rejects is not available: it is being opened"; err == nil || err.Error() != want {
		t.Errorf("now() = %v, want %s", err, want)
	}
}
