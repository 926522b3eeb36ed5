package model

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

var update = flag.Bool("model.update", false, "write testdata/edges.want.ndjson anew, to be looked at")

func plainSpec(query string) schemas.ImportSpec {
	return schemas.ImportSpec{
		Source:      schemas.Source{ConnectionRef: "warehouse", Query: query},
		Destination: schemas.Destination{AccountRef: "clevertap", Type: schemas.TypeProfile},
		Identity:    schemas.Identity{Column: "ID"},
		Mapping:     []schemas.Property{{From: "ID", To: "id"}},
		Topic:       schemas.TopicSettings{Partitions: 1},
	}
}

// once runs an import once more.
func (w *world) once(name string, number int) schemas.Run {
	w.t.Helper()
	id := schemas.RunID(name, number)
	w.command(name, schemas.Command{ID: id, Kind: schemas.CommandRun})
	r, ok := w.board.await(id, closed)
	if !ok {
		w.t.Fatalf("%s does not close: %+v", id, r)
	}
	return r
}

func (w *world) rows(name string) []string {
	w.t.Helper()
	var out []string
	_, err := w.reader.ReadTo(w.t.Context(), kafka.TP{Topic: w.topics.Rows(name)}, 0, func(r *kafka.Record) error {
		out = append(out, string(r.Value))
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// TestEdgesOfEveryType reads values at the edges of every type, in every carrier
// that Snowflake is known to send, and wants each exactly.
func TestEdgesOfEveryType(t *testing.T) {
	t.Parallel()
	w := newWorld(t, trouble{})
	w.apply("edges", plainSpec("select * from table(TAPLINE_FIXTURE('edges'))"))
	w.startAll()
	if r := w.once("edges", 1); r.State != schemas.StateSucceeded || r.Counts.Loaded != 7 {
		t.Errorf("the run is %+v", r)
	}
	got := strings.Join(w.rows("edges"), "\n") + "\n"
	const golden = "testdata/edges.want.ndjson"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

// TestResultsOfAllSizesThroughFaults reads results from none to many chunks, and
// through what goes wrong with them.
func TestResultsOfAllSizesThroughFaults(t *testing.T) {
	t.Parallel()
	w := newWorld(t, trouble{})
	w.attempts, w.chunkTries, w.stall = 2, 3, 300*time.Millisecond
	faults := "http://" + w.snowflake.Addr() + "/sandbox/v1/snowflake/faults"
	tests := []struct {
		name   string
		rows   int
		faults map[string]any
		fails  string // code
		says   []string
	}{
		{name: "none", rows: 0},
		{name: "one", rows: 1},
		{name: "a-chunk", rows: 7},
		{name: "many", rows: 203},
		{name: "unavailable", rows: 43, faults: map[string]any{"chunk503": 3}},
		{name: "reset", rows: 43, faults: map[string]any{"chunkReset": 2}},
		{name: "truncated", rows: 43, faults: map[string]any{"chunkTruncated": 2}},
		{name: "short", rows: 43, faults: map[string]any{"chunkShort": 2}},
		{name: "stalled", rows: 43, faults: map[string]any{"chunkStall": 1, "chunkStallMs": 60_000}},
		{name: "expired", rows: 43, faults: map[string]any{"expireSessions": 2}},
		{name: "carriers", rows: 43, faults: map[string]any{"varyCarriers": true}},
		{name: "always-short", rows: 43, faults: map[string]any{"chunkShort": 1000}, fails: "result_short", says: []string{"3 rows", "announced 4"}},
		{name: "wrong-total", rows: 43, faults: map[string]any{"wrongTotal": 1}, fails: "result_short", says: []string{"1 rows", "announced 2"}},
	}
	for _, tt := range tests {
		table := strings.ToUpper(strings.ReplaceAll(tt.name, "-", "_"))
		if err := w.snowflake.Exec(t.Context(), `CREATE TABLE "`+table+`" ("ID" DECIMAL(38,0), "AT" TIMESTAMP_NS)`); err != nil {
			t.Fatal(err)
		}
		spec := plainSpec("select * from " + table)
		spec.Source.Cursor = &schemas.Cursor{Column: "AT"}
		w.apply(tt.name, spec)
		w.fill(table, tt.rows)
	}
	w.startAll()
	for number, tt := range tests {
		if number > 0 {
			w.put(faults, map[string]any{})
		}
		w.put(faults, tt.faults)
		r := w.once(tt.name, 1)
		if tt.fails == "" {
			if r.State != schemas.StateSucceeded || r.Attempt != 1 || r.Counts.Loaded != int64(tt.rows) || len(w.rows(tt.name)) != tt.rows {
				t.Errorf("%s: the run is %+v, %+v", tt.name, r, r.Error)
			}
			continue
		}
		if r.State != schemas.StateFailed || r.Error == nil || r.Error.Code != tt.fails || r.WatermarkTo != "" {
			t.Errorf("%s: the run is %+v, %+v", tt.name, r, r.Error)
			continue
		}
		for _, text := range tt.says {
			if !strings.Contains(r.Error.Reason, text) {
				t.Errorf("%s: the reason is %q and does not say %q", tt.name, r.Error.Reason, text)
			}
		}
	}
}

// fill puts n rows of one minute each into a table.
func (w *world) fill(table string, n int) {
	w.t.Helper()
	var b strings.Builder
	at := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "(%d, TIMESTAMP_NS '%s')", i+1, at.Add(time.Duration(i)*time.Minute).Format(time.DateTime))
	}
	if n == 0 {
		return
	}
	if err := w.snowflake.Change(w.t.Context(), `INSERT INTO "`+table+`" VALUES `+b.String()); err != nil {
		w.t.Fatal(err)
	}
}
