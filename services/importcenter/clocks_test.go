package importcenter

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"tapline.dev/schemas"
)

// TestClocksAreCompared: each clock is compared with Import Center's at the instants between
// which it was read, the worst of a service's processes counts, and one that did not answer
// is said to be unknown.
func TestClocksAreCompared(t *testing.T) {
	t.Parallel()
	c := startWith(t, func(cfg *Config) { cfg.PreviewTimeout = 2 * time.Second })
	o := &oracle{}
	o.listen(t, c)
	ask := func(scheduler, mapper, oddMapper time.Duration, answer int) map[string]schemas.Check {
		t.Helper()
		now := time.Now()
		o.mu.Lock()
		o.answers = map[string]schemas.Report{}
		// The names are those that the API asks under: the first of each partition.
		taken := map[int32]bool{}
		for i := 0; len(taken) < answer; i++ {
			name := fmt.Sprintf("clocks-%d", i)
			if p := schemas.ControlPartition(name); !taken[p] {
				taken[p] = true
				o.answers[name] = schemas.Report{Kind: schemas.ReportClocks, Clocks: &schemas.Clocks{Scheduler: now.Add(scheduler), Mapper: now.Add(mapper)}}
				if len(taken) == 2 {
					o.answers[name].Clocks.Mapper = now.Add(oddMapper)
				}
			}
		}
		o.mu.Unlock()
		got := c.do("POST", "/v1/deployment/clocks", "")
		var found struct{ Checks []schemas.Check }
		if err := json.Unmarshal([]byte(got.text), &found); err != nil || got.status != http.StatusOK || len(found.Checks) != 2 {
			t.Fatalf("%d %s: %v", got.status, got.text, err)
		}
		return map[string]schemas.Check{found.Checks[0].Name: found.Checks[0], found.Checks[1].Name: found.Checks[1]}
	}
	if got := ask(time.Second, time.Second, time.Second, schemas.ControlPartitions); got["scheduler clock"].State != schemas.CheckOK || got["mapper clock"].State != schemas.CheckOK {
		t.Errorf("clocks that agree: %+v", got)
	}
	got := ask(-time.Hour, time.Second, time.Minute, schemas.ControlPartitions)
	if s := got["scheduler clock"]; s.State != schemas.CheckWarning || !strings.Contains(s.Finding, "1h0m0s behind") || s.Action == "" {
		t.Errorf("a scheduler that is an hour behind: %+v", s)
	}
	if m := got["mapper clock"]; m.State != schemas.CheckWarning || !strings.Contains(m.Finding, "ahead of") {
		t.Errorf("one mapper of four that is a minute ahead: %+v", m)
	}
	o.mu.Lock()
	o.beside = map[string]schemas.Report{"clocks-0": {Kind: schemas.ReportClocks, Clocks: &schemas.Clocks{Mapper: time.Now().Add(time.Minute), Beside: true}}}
	o.mu.Unlock()
	if got := ask(0, 0, 0, schemas.ControlPartitions); got["scheduler clock"].State != schemas.CheckOK || got["mapper clock"].State != schemas.CheckWarning {
		t.Errorf("a mapper beside those that own partitions: %+v", got)
	}
	o.mu.Lock()
	o.beside = nil
	o.mu.Unlock()
	if got := ask(0, 0, 0, 1); got["scheduler clock"].State != schemas.CheckUnknown || got["mapper clock"].Action == "" {
		t.Errorf("with one answer of four: %+v", got)
	}
}
