package mapper

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/domain/control"
	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

const dryRun = "customers.d1"

// tryOut makes a dry run the active one beside the import's run.
func (w *world) tryOut() {
	w.t.Helper()
	s := spec()
	s.Mapping = append(s.Mapping, schemas.Property{From: "PLAN", To: "plan", Type: "integer", OnInvalid: "omit"})
	columns := []schemas.Column{
		{Name: "ID", Type: "FIXED", Precision: 38}, {Name: "EMAIL", Type: "TEXT"}, {Name: "SINCE", Type: "DATE"}, {Name: "PLAN", Type: "TEXT"},
	}
	for key, value := range map[string]any{
		w.topics.Columns(): schemas.RowSchema{Import: "customers", Run: dryRun, Number: 1, Attempt: 1, Clock: "2026-11-23T10:00:00.000000000", Columns: columns},
		w.topics.State(): schemas.State{Import: "customers", LastNumber: 1, Active: &schemas.ActiveRun{
			Run: dryRun, Number: 1, Attempt: 1, Mode: schemas.ModeDryRun, Spec: s,
		}},
	} {
		subject := dryRun
		if key == w.topics.Columns() {
			subject = schemas.ColumnsKey(dryRun)
		}
		rec, err := control.Record(key, "customers", subject, value, "test", "test")
		if err != nil {
			w.t.Fatal(err)
		}
		w.produce(rec)
	}
}

func (w *world) tried(subject, id, value string) *kafka.Record {
	return &kafka.Record{
		Topic: w.topics.DryRunRows(), Partition: schemas.ControlPartition(subject), Key: []byte(subject), Value: []byte(value),
		Headers: []kafka.Header{{Key: schemas.HeaderID, Value: []byte(id)}},
	}
}

func TestDryRunReportsEveryFailedCheck(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.tryOut()
	defer w.start(nil)()
	w.produce(
		w.tried("customers.p5", "5.1.1", `{"ID":1}`), // a preview's: for whoever asked
		w.tried(dryRun, "1.1.1", `{"ID":7,"EMAIL":"a@example.com","SINCE":"2026-11-23","PLAN":"x"}`),
		w.tried(dryRun, "1.1.2", `{"ID":0,"EMAIL":"not an address","SINCE":"x","PLAN":"1"}`),
		w.tried("customers.d9", "9.1.1", `{"ID":1}`), // of a dry run that is over
	)
	var reports []schemas.Report
	deadline := time.Now().Add(30 * time.Second)
	for total := int64(0); total < 3; {
		reports, total = nil, 0
		for _, r := range w.read(w.topics.Reports(), schemas.ControlPartitions) {
			var report schemas.Report
			if err := json.Unmarshal(r.Value, &report); err != nil {
				t.Fatal(err)
			}
			reports = append(reports, report)
			total += report.Mapped.Mapped + report.Mapped.RejectsByCode["identity_denied"] + report.Mapped.Skipped[schemas.SkipClosed]
		}
		if time.Now().After(deadline) {
			t.Fatalf("reports: %+v", reports)
		}
		time.Sleep(10 * time.Millisecond) // between looks at the condition
	}
	for _, r := range reports {
		if r.Import != "customers" || (r.Run != dryRun && r.Run != "customers.d9") {
			t.Errorf("a report of %s of %s", r.Run, r.Import)
		}
	}
	records := w.read(w.topics.DryRunRecords(), schemas.ControlPartitions)
	if len(records) != 1 || string(records[0].Key) != dryRun || string(records[0].Value) != `{"type":"profile","identity":"7","profileData":{"Email":"a@example.com","since":"$D_1795435200"}}` {
		t.Errorf("records: %v", records)
	}
	type check struct {
		ID, Code string
		Omitted  bool
	}
	var got []check
	for _, r := range w.read(w.topics.DryRunRejects(), schemas.ControlPartitions) {
		var reject schemas.Reject
		if err := json.Unmarshal(r.Value, &reject); err != nil {
			t.Fatal(err)
		}
		if string(r.Key) != dryRun || reject.Run != dryRun || reject.Row != nil {
			t.Errorf("reject %s: %+v", r.Key, reject)
		}
		got = append(got, check{reject.ID, reject.Code, reject.Omitted})
	}
	want := []check{
		{"1.1.1", "type_mismatch", true},
		{"1.1.2", "email_invalid", false}, {"1.1.2", "date_format", false}, {"1.1.2", "identity_denied", false},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("checks (-want +got):\n%s", diff)
	}
	if n := len(w.read(w.topics.Records("customers"), 3)) + len(w.read(w.topics.Rejects(), schemas.ControlPartitions)); n != 0 {
		t.Errorf("%d records and rejects in the import's own topics", n)
	}
}

func TestSyncComparesWithWhatWasShown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.activate(&schemas.ActiveRun{Run: "customers.3", Number: 3, Attempt: 2, Mode: schemas.ModeSync, Spec: spec()})
	defer w.start(nil)()
	record := `{"type":"profile","identity":"7","profileData":{"Email":"a@example.com"}}`
	sum := sha256.Sum256([]byte(record))
	same := w.row("3.2.1", 0, `{"ID":7,"EMAIL":"a@example.com","SINCE":null}`)
	same.Headers = append(same.Headers, kafka.Header{Key: schemas.HeaderShown, Value: []byte(hex.EncodeToString(sum[:]))})
	other := w.row("3.2.2", 0, `{"ID":7,"EMAIL":"b@example.com","SINCE":null}`)
	other.Headers = append(other.Headers, kafka.Header{Key: schemas.HeaderShown, Value: []byte(hex.EncodeToString(sum[:]))})
	w.produce(same, other, w.row("3.2.3", 0, `{"ID":8,"EMAIL":null,"SINCE":null}`))
	got := w.await()
	want := outcome{Records: 1, Rejects: 2, Mapped: 1, Rejected: 2, ByCode: map[string]int64{"shown_differs": 2}, ByReason: map[string]int64{}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("outcome (-want +got):\n%s", diff)
	}
	if records := w.read(w.topics.Records("customers"), 3); string(records[0].Value) != record {
		t.Errorf("sent %s, shown %s", records[0].Value, record)
	}
}
