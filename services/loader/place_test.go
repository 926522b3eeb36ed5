package loader

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"tapline.dev/domain/runs"
	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// placed writes the state of a run with its place.
func (w *world) placed(state string, place *schemas.Place) {
	w.control(w.topics.State(), "customers", "customers", schemas.State{Import: "customers", LastNumber: 1, Active: &schemas.ActiveRun{
		Run: "customers.1", Number: 1, Attempt: 1, State: state, Place: place,
		Spec: schemas.ImportSpec{Destination: schemas.Destination{AccountRef: testAccount, Type: schemas.TypeProfile}, Topic: schemas.TopicSettings{Partitions: 1}},
	}})
}

// toldPlaces returns the places that the loader has reported.
func (w *world) toldPlaces() (out []string) {
	w.t.Helper()
	tp := kafka.TP{Topic: w.topics.Reports(), Partition: schemas.ControlPartition("customers")}
	_, err := w.reader.ReadTo(context.Background(), tp, 0, func(r *kafka.Record) error {
		var report schemas.Report
		if err := json.Unmarshal(r.Value, &report); err != nil {
			return err
		}
		if report.Resolved != nil && report.Resolved.Stage == schemas.StageLoad {
			out = append(out, report.Resolved.Place)
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

func (w *world) ownPlace() string {
	return runs.TargetPlace(w.kafka.Prefix, "customers", "id", w.cleverTap.URL)
}

// TestAStartingRunIsToldItsAccount: the account's place is reported before the scheduler
// triggers an attempt.
func TestAStartingRunIsToldItsAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.importOf("customers", 1, schemas.ImportSpec{})
	w.placed(schemas.StateStarting, &schemas.Place{})
	w.start()
	w.await("the place", 10*time.Second, func() bool { told := w.toldPlaces(); return len(told) > 0 && told[0] == w.ownPlace() })
}

// TestNothingIsSentToAnotherPlace: if the account resolves to another place than the run's,
// the run's records wait until the scheduler has ended it.
func TestNothingIsSentToAnotherPlace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.importOf("customers", 1, schemas.ImportSpec{})
	w.placed(schemas.StateLoading, &schemas.Place{Target: "of another account"})
	w.load("customers", rows(100, 1), 100)
	w.start()
	w.await("the place", 10*time.Second, func() bool { told := w.toldPlaces(); return len(told) > 0 && told[0] == w.ownPlace() })
	w.state("customers", 1, 1, schemas.ImportSpec{}, &schemas.Ending{State: schemas.StateFailed, Skip: schemas.SkipStopped})
	w.want(w.settled("customers", 100), map[string]int{"stopped": 100})
	if n, _ := w.cleverTap.stats(); n != 0 {
		t.Errorf("%d requests went to another account than the run's", n)
	}
}

// TestTheFirstPlaceOfARunIsReportedAndUsed: the epoch has no place yet.
func TestTheFirstPlaceOfARunIsReportedAndUsed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.importOf("customers", 1, schemas.ImportSpec{})
	w.placed(schemas.StateLoading, &schemas.Place{})
	w.load("customers", rows(100, 1), 100)
	w.start()
	w.want(w.settled("customers", 100), map[string]int{"loaded": 100})
	w.await("the place", 10*time.Second, func() bool { told := w.toldPlaces(); return len(told) == 1 && told[0] == w.ownPlace() })
}
