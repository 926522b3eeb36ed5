package model

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
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

// once runs an import one more time.
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

func (w *world) rows(name string) []string { return w.valuesOf(w.topics.Rows(name)) }

// TestEdgesOfEveryType reads values at the edges of every type, in every carrier
// that Snowflake is known to send. Each must arrive exactly.
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

// TestResultsOfAllSizesThroughFaults reads results of no chunk to many chunks, also with
// faults in their transfer.
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

// TestColumnsThatChange: a run notes how its columns have changed, and fails before a row
// is read if a mapped one is missing.
func TestColumnsThatChange(t *testing.T) {
	t.Parallel()
	w := newWorld(t, trouble{})
	change := func(sql string) {
		if err := w.snowflake.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	change(`CREATE TABLE "T" ("ID" DECIMAL(38,0), "PLAN" VARCHAR, "OLD" DOUBLE); INSERT INTO "T" VALUES (7, 'gold', 1)`)
	spec := plainSpec("select * from T")
	spec.Mapping = append(spec.Mapping, schemas.Property{From: "PLAN", To: "plan"})
	w.apply("columns", spec)
	w.startAll()
	if r := w.once("columns", 1); r.State != schemas.StateSucceeded || len(r.Notes) > 0 {
		t.Errorf("the first run is %+v", r)
	}
	change(`ALTER TABLE "T" DROP COLUMN "OLD"; ALTER TABLE "T" ADD COLUMN "NEW" DATE; ALTER TABLE "T" ALTER "ID" TYPE DECIMAL(20,0)`)
	want := []string{"column ID was NUMBER(38,0) and is NUMBER(20,0) now", "column OLD is gone", "column NEW is new: DATE"}
	if r := w.once("columns", 2); r.State != schemas.StateSucceeded || cmp.Diff(want, r.Notes) != "" {
		t.Errorf("the second run is %+v with the notes %q", r, r.Notes)
	}
	change(`ALTER TABLE "T" DROP COLUMN "PLAN"`)
	if r := w.once("columns", 3); r.State != schemas.StateFailed || r.Error == nil || r.Error.Code != "column_missing" || r.Counts.Read != 0 || !strings.Contains(r.Error.Reason, "PLAN") {
		t.Errorf("the third run is %+v, %+v", r, r.Error)
	}
}

// TestCancelReachesSnowflake: the statement ends within five seconds of the cancel.
func TestCancelReachesSnowflake(t *testing.T) {
	t.Parallel()
	w := newWorld(t, trouble{})
	if err := w.snowflake.Exec(t.Context(), `CREATE TABLE "T" ("ID" DECIMAL(38,0))`); err != nil {
		t.Fatal(err)
	}
	w.apply("slow", plainSpec("select * from T"))
	w.startAll()
	w.put("http://"+w.snowflake.Addr()+"/sandbox/v1/snowflake/faults", map[string]any{"slowQueryMs": 120_000})
	w.command("slow", schemas.Command{ID: "run", Kind: schemas.CommandRun})
	running := func() bool { return w.running(t) > 0 }
	until(t, "a statement runs", running)
	began := time.Now()
	w.command("slow", schemas.Command{ID: "cancel", Kind: schemas.CommandCancel, Run: "slow.1"})
	if r, ok := w.board.await("slow.1", closed); !ok || r.State != schemas.StateCancelled {
		t.Errorf("the run is %+v", r)
	}
	until(t, "no statement runs", func() bool { return !running() })
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the cancel took %s", took)
	}
}

// running counts the statements that run in the sandbox.
func (w *world) running(t *testing.T) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+w.snowflake.Addr()+"/sandbox/v1/queries?status=RUNNING", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var list struct {
		Items []json.RawMessage `json:"items"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&list); err != nil {
		t.Fatal(err)
	}
	return len(list.Items)
}

// until polls for a condition.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !is() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// TestConnectionIsTested: the answer says which user signs in and what that user may do
// besides reading.
func TestConnectionIsTested(t *testing.T) {
	t.Parallel()
	w := newWorld(t, trouble{})
	w.startAll()
	run := schemas.NewPreviewID("warehouse")
	w.command("warehouse", schemas.Command{
		ID: run, Kind: schemas.CommandTestConnection, Run: run, Spec: &schemas.ImportSpec{Source: schemas.Source{ConnectionRef: "warehouse"}},
	})
	var found *schemas.ConnectionTest
	until(t, "the connection is tested", func() bool {
		_, err := w.reader.ReadTo(t.Context(), kafka.TP{Topic: w.topics.Reports(), Partition: schemas.ControlPartition(run)}, 0, func(r *kafka.Record) error {
			var report schemas.Report
			if err := json.Unmarshal(r.Value, &report); err != nil {
				return err
			}
			if report.Run == run && report.Connection != nil {
				found = report.Connection
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return found != nil
	})
	if found.SkewMillis < -5000 || found.SkewMillis > 5000 {
		t.Errorf("the clocks differ by %d ms", found.SkewMillis)
	}
	found.SkewMillis, found.Millis = 0, 0
	want := schemas.ConnectionTest{
		User: "TAPLINE", Role: found.Role, Warehouse: "TAPLINE_WH", WarehouseState: "STARTED", WarehouseSize: "X-Small", Region: "SANDBOX", Version: found.Version,
		Privileges: []string{"INSERT on TABLE SHOP.PUBLIC.T"},
	}
	if diff := cmp.Diff(want, *found); diff != "" || found.Role == "" || found.Version == "" {
		t.Errorf("the connection (-want +got):\n%s", diff)
	}
}

// TestARowThatComesBack: the second run loads a row's new version and is
// cancelled, the row changes back, and the third run must send it although its ledger, the
// first run's, holds that very version.
func TestARowThatComesBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, trouble{})
	exec := func(sql string) {
		if err := w.snowflake.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	exec(`CREATE TABLE "T" ("ID" VARCHAR, "V" VARCHAR)`)
	exec(`INSERT INTO "T" VALUES ('A', 'v1')`)
	for i := range 20 {
		exec(fmt.Sprintf(`INSERT INTO "T" VALUES ('x%d', 'v1')`, i))
	}
	spec := plainSpec("select * from T")
	spec.Mapping = []schemas.Property{{From: "V", To: "v"}}
	w.apply("flip", spec)
	w.startAll()
	if r := w.once("flip", 1); r.State != schemas.StateSucceeded {
		t.Fatalf("run 1: %+v %+v", r, r.Error)
	}
	exec(`UPDATE "T" SET "V" = 'v2' WHERE "ID" = 'A'`)
	w.put("http://"+w.snowflake.Addr()+"/sandbox/v1/snowflake/faults", map[string]any{"chunk503": 1_000_000})
	w.command("flip", schemas.Command{ID: "run2", Kind: schemas.CommandRun})
	at := func() string { _, b := w.atCleverTap("/sandbox/v1/profiles/A"); return string(b) }
	until(t, "v2 is at CleverTap", func() bool { return strings.Contains(at(), "v2") })
	w.command("flip", schemas.Command{ID: "cancel", Kind: schemas.CommandCancel, Run: "flip.2"})
	if r, ok := w.board.await("flip.2", closed); !ok || r.State != schemas.StateCancelled {
		t.Fatalf("run 2: %+v", r)
	}
	w.put("http://"+w.snowflake.Addr()+"/sandbox/v1/snowflake/faults", map[string]any{})
	exec(`UPDATE "T" SET "V" = 'v1' WHERE "ID" = 'A'`)
	r := w.once("flip", 3)
	if !aside(r) || r.Counts.Extracted != 21 {
		t.Errorf("run 3: %+v, %v", r.Counts, r.Notes)
	}
	if !strings.Contains(at(), "v1") {
		t.Errorf("the table says v1, CleverTap says %s", at())
	}
	if r = w.once("flip", 4); aside(r) || r.Counts.Extracted != 0 {
		t.Errorf("run 4: %+v, %v", r.Counts, r.Notes)
	}
}
