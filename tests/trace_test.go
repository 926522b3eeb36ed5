package tests

import (
	"fmt"
	"testing"
	"time"

	"tapline.dev/schemas"
	"tapline.dev/tests/harness"
)

// TestOneTraceTellsTheWholeRun: an OTLP receiver finds one trace of a run with
// spans of all four services, the Snowflake query, and each upload linked to the
// batch that it came from; also when services are killed on the way.
func TestOneTraceTellsTheWholeRun(t *testing.T) {
	t.Parallel()
	const n = 20_000
	path, _ := customers(t, n)
	collector := harness.StartCollector(t)
	c := harness.Start(t, harness.Options{Separate: true, Env: collector.Env(), DevArgs: []string{"--load", table + "=" + path}})
	c.Faults(t, `{"faults":[{"kind":"latency","latencyMs":300,"share":1}]}`)
	// Each service is killed with work in flight. After its next start it does that work
	// again and sends its spans.
	for killed, point := range map[string]string{"": "", "mapper": "mapper.before-commit", "loader": "loader.after-answer"} {
		t.Run("killed="+killed, func(t *testing.T) {
			importName := "traced" + killed
			c.ApplyText(t, definition(importName))
			if killed != "" {
				c.Services[killed].Stop(t)
				c.Services[killed].Failpoints = point + "=kill:2"
				c.Services[killed].Start(t)
			}
			name := c.Trigger(t, importName)
			if killed != "" {
				harness.Eventually(t, time.Minute, "the "+killed+" is killed", func() bool { return !c.Services[killed].Running() })
				c.Services[killed].Failpoints = ""
				c.Services[killed].Start(t)
			}
			run := c.Close(t, name, 2*time.Minute)
			checkTrace(t, collector, run, reports(t, c, name), killed != "")
		})
	}
}

func checkTrace(t *testing.T, collector *harness.Collector, run schemas.Run, reports []schemas.Report, killed bool) {
	t.Helper()
	if run.TraceID == "" {
		t.Fatal("the run names no trace")
	}
	for _, r := range reports {
		if r.TraceID != run.TraceID {
			t.Errorf("a report of kind %s names trace %q, the run %q", r.Kind, r.TraceID, run.TraceID)
		}
	}
	// Spans leave in batches, a second apart.
	var problem string
	harness.Eventually(t, 20*time.Second, "the trace is whole", func() bool {
		problem = traceProblem(collector.Trace(run.TraceID), run, killed)
		if problem != "" && testing.Verbose() {
			t.Log(problem)
		}
		return problem == ""
	})
}

// traceProblem says what a trace lacks.
func traceProblem(spans []harness.Span, run schemas.Run, killed bool) string {
	services, batches := map[string]int{}, map[string]bool{}
	query, uploads := false, 0
	for _, s := range spans {
		services[s.Service]++
		if s.Name == "map batch" {
			batches[s.SpanID] = true
		}
		query = query || s.Attributes["snowflake.query_id"] == run.QueryID && run.QueryID != ""
	}
	for _, service := range []string{"scheduler", "extractor", "mapper", "loader"} {
		if services[service] == 0 {
			return fmt.Sprintf("no span of the %s among those of %v", service, services)
		}
	}
	if !query {
		return "no span names the Snowflake query " + run.QueryID
	}
	for _, s := range spans {
		if s.Service != "loader" || s.Name != "send upload" {
			continue
		}
		uploads++
		if len(s.Links) == 0 {
			return "an upload is linked to no batch"
		}
		for _, l := range s.Links {
			// A killed mapper takes the spans of its last second with it.
			if l.TraceID != run.TraceID || !batches[l.SpanID] && !killed {
				return fmt.Sprintf("an upload is linked to %+v, which is no batch of the mapper", l)
			}
		}
	}
	if uploads == 0 {
		return "no upload has a span"
	}
	return ""
}
