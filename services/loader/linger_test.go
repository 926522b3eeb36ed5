package loader

import (
	"strings"
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
	w.reading("customers")
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

// TestAFullBufferDoesNotLinger: records that fill their partition's share of the buffer, and
// no upload, are sent while the run still reads.
func TestAFullBufferDoesNotLinger(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.tune = func(c *Config) { c.ExtractingLinger, c.BufferBytes = time.Hour, 1<<20 }
	w.importOf("customers", 1, schemas.ImportSpec{})
	w.reading("customers")
	large := rows(500, 1)
	for i := range large {
		large[i].data = `"Note":"` + strings.Repeat("x", 5000) + `"`
	}
	w.load("customers", large, 100)
	w.start()
	w.settled("customers", 250)
}

// reading makes the state say that the import's first run reads rows.
func (w *world) reading(name string) {
	w.t.Helper()
	w.control(w.topics.State(), name, name, schemas.State{Import: name, LastNumber: 1, Active: &schemas.ActiveRun{
		Run: schemas.RunID(name, 1), Number: 1, Attempt: 1, State: schemas.StateExtracting,
		Spec: schemas.ImportSpec{Destination: schemas.Destination{AccountRef: testAccount, Type: schemas.TypeProfile}},
	}})
}
