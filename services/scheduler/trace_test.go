package scheduler_test

import (
	"strings"
	"testing"

	"tapline.dev/libs/telemetry"
	"tapline.dev/schemas"
)

// TestOneTracePerRun: a run has a trace of its own, linked to what asked for it;
// its id is in the trigger, the state and every event; the closing span
// carries the totals.
func TestOneTracePerRun(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ring := telemetry.NewRing(1000)
	tel, err := telemetry.Start(t.Context(), telemetry.Settings{Service: "scheduler", Spans: ring, LookupEnv: func(string) (string, bool) { return "", false }})
	if err != nil {
		t.Fatal(err)
	}
	r.tel = tel
	stop := r.start()
	r.apply(definition("customers"))
	const asked = "4bf92f3577b34da6a3ce929d0e0e4736"
	r.command("customers", schemas.CommandRun, func(c *schemas.Command) { c.Traceparent = "00-" + asked + "-00f067aa0ba902b7-01" })
	r.awaitRun("customers.1", schemas.StateExtracting)
	trigger, state := r.triggers("customers")[0], r.state("customers")
	r.finish("customers.1", 1, 10, 0, maximum)
	closed := r.awaitRun("customers.1", schemas.StateSucceeded)
	stop()
	if closed.TraceID == "" || closed.TraceID == asked || state.Active.TraceID != closed.TraceID ||
		!strings.Contains(trigger.Traceparent, closed.TraceID) || state.Active.Traceparent != trigger.Traceparent {
		t.Fatalf("trace ids: event %q, state %q, trigger %q", closed.TraceID, state.Active.TraceID, trigger.Traceparent)
	}
	spans := ring.Spans(closed.TraceID)
	if len(spans) != 2 || spans[0].Name != "start run" || spans[1].Name != "close run" {
		t.Fatalf("spans %+v", spans)
	}
	root, end := spans[0], spans[1]
	if root.ParentID != "" || end.ParentID != root.SpanID || len(root.Links) != 1 || root.Links[0].TraceID != asked {
		t.Errorf("root %+v, end %+v", root, end)
	}
	if end.Attributes["tapline.rows.loaded"] != int64(10) || end.Attributes["tapline.state"] != schemas.StateSucceeded || end.Attributes["snowflake.query_id"] != "q-customers.1" {
		t.Errorf("totals %+v", end.Attributes)
	}
}
