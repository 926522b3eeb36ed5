package upstream

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
		ended  string
	}{
		"active":           {[]string{`{"active":{"run":"a.1"}}`}, true, ""},
		"asked for before": {[]string{`{"queued":{"time":"2026-11-24T09:59:59Z"}}`}, true, ""},
		"asked for later":  {[]string{`{"queued":{"time":"2026-11-24T10:00:01Z"}}`}, false, ""},
		"idle":             {[]string{`{"active":{"run":"a.1"}}`, `{}`}, false, ""},
		"unreadable":       {[]string{`{"active":{"run":"a.1"}}`, `7`}, false, ""},
		"ended":            {[]string{`{"lastEnded":{"run":"a.1","state":"failed"}}`}, false, "failed"},
		"gone":             {[]string{`{"active":{"run":"a.1"}}`, ``}, false, ""},
	} {
		o := &View{states: kafka.NewTable(kafka.Deps{}, kafka.TableConfig[importStatus]{Decode: importStatusOf})}
		for _, value := range c.values {
			r := &kafka.Record{Key: []byte("a")}
			if value != "" {
				r.Value = []byte(value)
			}
			o.states.Apply(r)
		}
		if busy := o.Busy("a", asked); busy != c.busy {
			t.Errorf("%s: busy %v, want %v", name, busy, c.busy)
		}
		if ended := o.Ended("a"); (ended != nil) != (c.ended != "") || ended != nil && ended.State != c.ended {
			t.Errorf("%s: the newest run ended as %+v, want %q", name, ended, c.ended)
		}
	}
}
