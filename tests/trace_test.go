package tests

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"tapline.dev/schemas"
	"tapline.dev/tests/harness"
)

// TestOneTraceTellsTheWholeRun: an OTLP receiver finds one trace of a run, in which a row
// can be followed through all four services: its upload is linked to the batch of the mapper
// that it came in, the batch to the chunk, the chunk hangs below the extraction, and that
// below the run; the Snowflake query and what became of its time are there. So it is after a
// kill in each stage, and the spans stay under a bound.
func TestOneTraceTellsTheWholeRun(t *testing.T) {
	t.Parallel()
	const n = 20_000
	path, _ := customers(t, n)
	collector := harness.StartCollector(t)
	c := harness.Start(t, harness.Options{Separate: true, Env: collector.Env(), DevArgs: []string{"--load", table + "=" + path}})
	c.Faults(t, `{"faults":[{"kind":"latency","latencyMs":300,"share":1}]}`)
	// Each service is killed with work in flight. After its next start it does that work
	// again and sends its spans.
	for _, kill := range []struct{ service, point string }{
		{}, {"scheduler", "scheduler.in-step=kill:8"}, {"extractor", "extractor.before-chunk=kill:1"}, {"mapper", "mapper.before-commit=kill:2"}, {"loader", "loader.after-answer=kill:2"},
	} {
		killed := kill.service
		t.Run("killed="+killed, func(t *testing.T) {
			importName := "traced" + killed
			c.ApplyText(t, definition(importName))
			if killed != "" {
				c.Services[killed].Stop(t)
				c.Services[killed].Failpoints = kill.point
				c.Services[killed].Start(t)
			}
			name := c.Trigger(t, importName)
			if killed != "" {
				harness.Eventually(t, time.Minute, "the "+killed+" is killed", func() bool { return !c.Services[killed].Running() })
				c.Services[killed].Failpoints = ""
				c.Services[killed].Start(t)
			}
			run := c.Close(t, name, 2*time.Minute)
			checkTrace(t, collector, run, reports(t, c, name), killed)
		})
	}
}

func checkTrace(t *testing.T, collector *harness.Collector, run schemas.Run, reports []schemas.Report, killed string) {
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
		found := traceProblem(collector.Trace(run.TraceID), run, killed)
		if found != problem && testing.Verbose() {
			t.Log(found)
		}
		problem = found
		return problem == ""
	})
	// 20 rows are chosen by their position and one in each of 6 partitions; for each there
	// is at most a chunk, a batch and an upload, and after a kill once more.
	if spans := len(collector.Trace(run.TraceID)); spans > 200 {
		t.Errorf("the trace of a run of 20,000 rows has %d spans", spans)
	} else {
		t.Log(spans, "spans")
	}
}

// traceProblem says what a trace lacks.
func traceProblem(spans []harness.Span, run schemas.Run, killed string) string {
	byID, services, query := map[string]harness.Span{}, map[string]int{}, false
	for _, s := range spans {
		byID[s.SpanID] = s
		services[s.Service]++
		query = query || s.Attributes["snowflake.query_id"] == run.QueryID && run.QueryID != ""
		if s.Attributes["tapline.run"] != "" && s.Attributes["tapline.run"] != run.Run {
			return fmt.Sprintf("a span of %s is in the trace", s.Attributes["tapline.run"])
		}
	}
	for _, service := range []string{"scheduler", "extractor", "mapper", "loader"} {
		if services[service] == 0 {
			return fmt.Sprintf("no span of the %s among those of %v", service, services)
		}
	}
	if !query {
		return "no span names the Snowflake query " + run.QueryID
	}
	for _, name := range []string{"sign in to snowflake", "execute statement", "run statement", "close run"} {
		if name == "run statement" && killed == "extractor" {
			continue // the killed extractor had measured it; its successor takes the result up
		}
		if !slices.ContainsFunc(spans, func(s harness.Span) bool { return s.Name == name }) {
			return "no span is called " + name
		}
	}
	// A killed scheduler takes the run's first span with it, if that is not a second old.
	if !slices.ContainsFunc(spans, func(s harness.Span) bool { return s.Name == "start run" }) && killed != "scheduler" {
		return "no span is called start run"
	}
	whole := 0
	for _, upload := range spans {
		if upload.Name != "send upload" {
			continue
		}
		if len(upload.Links) == 0 && upload.Attributes["tapline.kept"] == "position" {
			return "an upload with a chosen row is linked to no batch"
		}
		for _, l := range upload.Links {
			if l.TraceID != run.TraceID {
				return fmt.Sprintf("an upload is linked to %+v, which is of another trace", l)
			}
			if reachesRun(byID, byID[l.SpanID], upload.ParentID) {
				whole++
			}
		}
	}
	// A killed process takes the spans of its last second with it, but not all.
	if whole == 0 {
		return "no upload leads to its batch, chunk, extraction and run"
	}
	return ""
}

// reachesRun follows a batch of the mapper to the run's first span.
func reachesRun(byID map[string]harness.Span, batch harness.Span, first string) bool {
	if batch.Name != "map batch" || batch.ParentID != first {
		return false
	}
	for _, l := range batch.Links {
		chunk := byID[l.SpanID]
		extract := byID[chunk.ParentID]
		if chunk.Name == "extract chunk" && extract.Name == "extract" && extract.ParentID == first {
			return true
		}
	}
	return false
}
