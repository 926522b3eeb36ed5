package loader

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/services/loader/internal/clevertap"
)

// judge is a CleverTap that takes every record but one and knows some profiles.
type judge struct {
	mu      sync.Mutex
	dry     int // requests with dryRun=1
	stored  int // others
	records []string
}

func (j *judge) UploadIf(_ context.Context, records [][]byte, dryRun bool, allow func() error) (clevertap.Result, error) {
	if err := allow(); err != nil {
		return clevertap.Result{Kind: clevertap.NotSent, Cause: clevertap.CauseRefusedHere}, nil
	}
	if len(records) == 1 && bytes.Equal(records[0], probeRecord) {
		// If the account's definition arrived after the first record, the loader probes
		// the account.
		return clevertap.Result{Kind: clevertap.Done, Status: 200, Outcomes: []clevertap.Outcome{{Verdict: clevertap.Loaded}}}, nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.dry++; !dryRun {
		j.dry--
		j.stored++
	}
	res := clevertap.Result{Kind: clevertap.Done, Status: 200}
	for _, r := range records {
		j.records = append(j.records, string(r))
		o := clevertap.Outcome{Verdict: clevertap.Loaded}
		if string(r) == tried("bad") {
			o = clevertap.Outcome{Verdict: clevertap.Rejected, Code: "clevertap_515", Reason: "refused"}
		}
		res.Outcomes = append(res.Outcomes, o)
	}
	return res, nil
}

func (j *judge) Exists(_ context.Context, by, id string) (bool, error) {
	switch {
	case by != "identity":
		return false, fmt.Errorf("looked up by %s", by)
	case id == "lost":
		return false, errors.New("no answer")
	}
	return id == "old", nil
}

func (j *judge) Close() {}

func tried(identity string) string {
	return fmt.Sprintf(`{"type":"profile","identity":%q,"profileData":{}}`, identity)
}

// tryOut makes a dry run active and writes its records.
func (w *world) tryOut(run string, operator bool, identities ...string) {
	w.t.Helper()
	spec := schemas.ImportSpec{Destination: schemas.Destination{AccountRef: testAccount, Type: schemas.TypeProfile, OnAmbiguous: "hold"}}
	if operator {
		spec.Mapping = []schemas.Property{{From: "A", To: "a", Op: "incr"}}
	}
	_, number, err := schemas.ParseRunID(run)
	if err != nil {
		w.t.Fatal(err)
	}
	w.control(w.topics.State(), run, run, schemas.State{Import: schemas.ImportOf(run), LastNumber: number, Active: &schemas.ActiveRun{
		Run: run, Number: number, Attempt: 1, Mode: schemas.ModeDryRun, State: schemas.StateLoading, Spec: spec,
	}})
	for i, identity := range identities {
		err := w.producer.Produce(context.Background(), &kafka.Record{
			Topic: w.topics.DryRunRecords(), Partition: schemas.ControlPartition(run), Key: []byte(run), Value: []byte(tried(identity)),
			Headers: []kafka.Header{{Key: schemas.HeaderID, Value: fmt.Appendf(nil, "%d.1.%d", number, i+1)}},
		})
		if err != nil {
			w.t.Fatal(err)
		}
	}
}

// receipts returns the receipts of a run.
func (w *world) receipts(run string) (out []schemas.Receipt, records int) {
	w.t.Helper()
	tp := kafka.TP{Topic: w.topics.Reports(), Partition: schemas.ControlPartition(run)}
	_, err := w.reader.ReadTo(context.Background(), tp, 0, func(r *kafka.Record) error {
		var report schemas.Report
		if err := json.Unmarshal(r.Value, &report); err != nil {
			return err
		}
		if report.Run == run && report.Receipt != nil {
			out, records = append(out, *report.Receipt), records+report.Receipt.Records
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return out, records
}

func TestDryRunStoresNothingAndTellsNewFromUpdated(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	j := &judge{}
	w.prepare = func(s *Service) { s.connect = func(clevertap.Account) uploader { return j } }
	// Two imports in one control partition, so that their dry runs of one number
	// lie in one partition of one topic.
	other := ""
	for i := 0; other == ""; i++ {
		if name := fmt.Sprintf("other%d", i); schemas.ControlPartition(name) == schemas.ControlPartition("customers") {
			other = name + ".d1"
		}
	}
	w.tryOut("customers.d1", true, "new", "old", "lost", "bad", "new")
	w.tryOut(other, false, "old")
	w.start()
	var receipts []schemas.Receipt
	w.await("both receipts", 30*time.Second, func() bool {
		var mine, others int
		receipts, mine = w.receipts("customers.d1")
		_, others = w.receipts(other)
		return mine == 5 && others == 1
	})
	if len(receipts) != 1 || len(receipts[0].Rejected) != 1 || receipts[0].Rejected[0].Code != "clevertap_515" {
		t.Fatalf("receipts: %+v", receipts)
	}
	profiles := map[string]int{}
	for _, p := range receipts[0].Profiles {
		profiles[p.Code]++
	}
	if diff := cmp.Diff(map[string]int{schemas.ProfileNew: 2, schemas.ProfileUpdated: 1, schemas.ProfileUnknown: 1}, profiles); diff != "" {
		t.Errorf("profiles (-want +got):\n%s", diff)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.stored != 0 || j.dry != 2 {
		t.Errorf("%d requests would have stored something, %d were dry, with %q", j.stored, j.dry, j.records)
	}
	if n := len(w.rejects("customers")); n != 0 {
		t.Errorf("%d rejects in the import's own topic", n)
	}
}
