package loader

import (
	"testing"
	"time"

	"tapline.dev/schemas"
)

// TestUploadsFillWhileTheRunReads: while a run reads rows its records wait until an upload is
// full, and once it has read the last one, what is left goes out at once.
func TestUploadsFillWhileTheRunReads(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.tune = func(c *Config) { c.ExtractingLinger = time.Hour }
	spec := schemas.ImportSpec{}
	w.importOf("customers", 1, spec)
	reading := schemas.State{Import: "customers", LastNumber: 1, Active: &schemas.ActiveRun{
		Run: schemas.RunID("customers", 1), Number: 1, Attempt: 1, State: schemas.StateExtracting,
		Spec: schemas.ImportSpec{Destination: schemas.Destination{AccountRef: testAccount, Type: schemas.TypeProfile}},
	}}
	w.control(w.topics.State(), "customers", "customers", reading)
	w.start()
	all := rows(2500, 1)
	for i := 0; i < len(all); i += 100 { // each is in Kafka before the next: a linger of 10 ms would cut between them
		w.load("customers", all[i:i+100], 100)
	}
	w.want(w.settled("customers", 2000), map[string]int{"loaded": 2000})
	w.state("customers", 1, 1, spec, nil) // it loads now
	w.want(w.settled("customers", 2500), map[string]int{"loaded": 2500})
	if requests, _ := w.cleverTap.stats(); requests != 3 {
		t.Errorf("%d requests for 2,500 records, want 3", requests)
	}
}
