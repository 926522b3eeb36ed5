package telemetry_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/libs/telemetry"
	"tapline.dev/libs/telemetry/telemetrytest"
)

// TestChosenRows: 31 rows of the first 32,000, then 16 in each doubling, however many rows
// there are; which ones they are goes by the position alone.
func TestChosenRows(t *testing.T) {
	t.Parallel()
	chosen := func(from, to int64) (n int) {
		for i := from; i <= to; i++ {
			if telemetry.Chosen(i) {
				n++
			}
		}
		return n
	}
	for position, want := range map[int64]bool{-1: false, 0: false, 1: true, 2: false, 1023: false, 1024: true, 2048: true, 1 << 40: true, 1<<40 + 1024: false} {
		if telemetry.Chosen(position) != want {
			t.Errorf("Chosen(%d) = %v", position, !want)
		}
	}
	if n := chosen(1, 32*1024-1); n != 32 {
		t.Errorf("%d of the first 32,767 rows are chosen, want 32", n)
	}
	for from := int64(32 * 1024); from < 1<<22; from *= 2 {
		if n := chosen(from, 2*from-1); n != 16 {
			t.Errorf("%d rows of %d to %d are chosen, want 16", n, from, 2*from-1)
		}
	}
}

// TestPartsOfALargeRun: of a run of two million rows in uploads of a thousand, and each of
// the other stages, few spans are exported; the spans of a chosen row exist in all.
func TestPartsOfALargeRun(t *testing.T) {
	t.Parallel()
	const rows, size, partitions = 2_000_000, 1000, 8
	rec := telemetrytest.New(t, "loader")
	chunks := telemetry.NewParts(rec.Tracer("test"), "extract chunk", time.Hour)
	uploads := telemetry.NewParts(rec.Tracer("test"), "send upload", time.Hour)
	type upload struct {
		records int
		links   map[string]bool
	}
	open := map[int64]*upload{}
	made, linked := 0, map[string]bool{}
	send := func(partition int64) {
		u := open[partition]
		delete(open, partition)
		_, part := uploads.Start(t.Context(), "customers.1")
		if made++; len(u.links) > 0 {
			part.Keep()
		}
		for link := range u.links {
			linked[link] = true
		}
		part.End()
	}
	var chunk *telemetry.Part
	for row := int64(1); row <= rows; row++ {
		if (row-1)%10_000 == 0 {
			if chunk != nil {
				chunk.End()
			}
			_, chunk = chunks.Start(t.Context(), "customers.1")
		}
		partition := row % partitions
		header := chunk.Header(telemetry.Chosen(row))
		u := open[partition]
		if u == nil {
			u = &upload{links: map[string]bool{}}
			open[partition] = u
		}
		if u.records++; telemetry.Marked(header) {
			u.links[string(header)] = true
		}
		if u.records == size {
			send(partition)
		}
	}
	chunk.End()
	exported, byID := map[string]int{}, map[string]bool{}
	var last telemetry.Span
	for _, span := range rec.Spans.Spans("") {
		exported[span.Name]++
		byID["00-"+span.TraceID+"-"+span.SpanID+"-01"] = true
		if span.Name == "send upload" {
			last = span
		}
	}
	t.Log(made, "uploads;", exported)
	if n := exported["send upload"]; n < 50 || n > 150 {
		t.Errorf("%d of %d uploads have spans, want 50 to 150", n, made)
	}
	if n := exported["extract chunk"]; n < 50 || n > 150 {
		t.Errorf("%d of 200 chunks have spans, want 50 to 150", n)
	}
	for link := range linked {
		if !byID[link] {
			t.Errorf("an upload is linked to %s, which was left out", link)
		}
	}
	if leftOut, _ := last.Attributes["tapline.left_out"].(int64); leftOut < rows/size/2 || last.Attributes["tapline.kept"] != "position" {
		t.Errorf("the last upload says %v", last.Attributes)
	}
}

// TestUnusualPartsAreKept: what is slow, retried or has failed is kept, but not without
// bound.
func TestUnusualPartsAreKept(t *testing.T) {
	t.Parallel()
	rec := telemetrytest.New(t, "loader")
	for _, tt := range []struct {
		kept string
		slow time.Duration
		make func(p *telemetry.Part)
	}{
		{kept: "slow", slow: 0, make: func(p *telemetry.Part) {}},
		{kept: "retried", slow: time.Hour, make: func(p *telemetry.Part) { p.Retried("throttled") }},
		{kept: "failed", slow: time.Hour, make: func(p *telemetry.Part) { p.Fail("interrupted") }},
		{kept: "number", slow: time.Hour, make: func(p *telemetry.Part) { p.KeepSome() }},
		{kept: "nothing", slow: time.Hour, make: func(p *telemetry.Part) {}},
	} {
		parts := telemetry.NewParts(rec.Tracer("test"), tt.kept, tt.slow)
		for range 10_000 {
			_, part := parts.Start(t.Context(), "customers.1")
			tt.make(part)
			part.End()
		}
	}
	got := map[string]int{}
	for _, span := range rec.Spans.Spans("") {
		if span.Attributes["tapline.kept"] != span.Name {
			t.Fatalf("kept as %v, want %s", span.Attributes["tapline.kept"], span.Name)
		}
		if failed := span.Error != ""; failed != (span.Name == "failed") {
			t.Fatalf("a part that was kept as %s has error %q", span.Name, span.Error)
		}
		got[span.Name]++
	}
	const want = 31 + 8*16 + 4 // up to 31, eight doublings, and four of the last
	if diff := cmp.Diff(map[string]int{"slow": want, "retried": want, "failed": want, "number": want}, got); diff != "" {
		t.Errorf("exported spans mismatch (-want +got)\n%s", diff)
	}
}

// TestPartsForgetOldRuns: the counts of runs take no memory without end.
func TestPartsForgetOldRuns(t *testing.T) {
	t.Parallel()
	rec := telemetrytest.New(t, "loader")
	parts := telemetry.NewParts(rec.Tracer("test"), "send upload", time.Hour)
	for i := range 5000 {
		_, part := parts.Start(t.Context(), fmt.Sprint("customers.", i))
		part.End()
	}
	if n := parts.Runs(); n > 1024 {
		t.Errorf("%d runs are counted, want at most 1024", n)
	}
}
