package others

import (
	"testing"
	"time"

	"tapline.dev/libs/kafka"
)

func TestApply(t *testing.T) {
	t.Parallel()
	asked := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		values []string // of the key a, "" for a deletion
		busy   bool
		kept   int
	}{
		"active":           {[]string{`{"active":{"run":"a.1"}}`}, true, 1},
		"asked for before": {[]string{`{"queued":{"time":"2026-11-24T09:59:59Z"}}`}, true, 1},
		"asked for later":  {[]string{`{"queued":{"time":"2026-11-24T10:00:01Z"}}`}, false, 1},
		"idle":             {[]string{`{"active":{"run":"a.1"}}`, `{}`}, false, 1},
		"unreadable":       {[]string{`{"active":{"run":"a.1"}}`, `7`}, false, 1},
		"gone":             {[]string{`{"active":{"run":"a.1"}}`, ``}, false, 0},
	} {
		o := New(Config{}, kafka.Deps{})
		for _, value := range c.values {
			r := &kafka.Record{Key: []byte("a")}
			if value != "" {
				r.Value = []byte(value)
			}
			o.apply(r)
		}
		if busy := o.Busy("a", asked); busy != c.busy || len(o.order) != c.kept {
			t.Errorf("%s: busy %v with %d entries, want %v with %d", name, busy, len(o.order), c.busy, c.kept)
		}
	}
}
