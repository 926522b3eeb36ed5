package loader

import (
	"testing"
	"time"

	"tapline.dev/libs/telemetry"
	"tapline.dev/libs/telemetry/telemetrytest"
	catalogue "tapline.dev/schemas/metrics"
)

// A slot is used while its request is under way: an account that answers nothing is full,
// and its metrics say so before the first answer.
func TestSlotsAreInUseBeforeTheAnswer(t *testing.T) {
	t.Parallel()
	rec := telemetrytest.New(t, "loader")
	g := newAccountGauges()
	began := time.Now()
	now := began
	in := telemetry.NewInstruments(rec.Meter("test"))
	in.Observe(func(o telemetry.Observer) { g.observe(o, rec.Telemetry, now) },
		catalogue.LoaderInFlight, catalogue.LoaderInFlightOfImport, catalogue.LoaderSlotsBusy, catalogue.LoaderOldestWaiting, catalogue.LoaderRefused)
	want := func(at time.Duration, series map[string]float64) {
		t.Helper()
		now = began.Add(at)
		got := rec.Metrics(t, "tapline_loader")
		for name, value := range series {
			if have, ok := got[name]; !ok || have != value {
				t.Errorf("after %v %s = %v (%v), want %v", at, name, have, ok, value)
			}
		}
	}
	g.started("shop", "users", began)
	g.started("shop", "orders", began)
	want(10*time.Second, map[string]float64{
		`tapline_loader_requests_in_flight{account="shop"}`:         2,
		`tapline_loader_slots_used{account="shop",import="orders"}`: 1,
		`tapline_loader_slots_busy_seconds_total{account="shop"}`:   20,
	})
	g.answered("shop", "orders", began.Add(10*time.Second))
	want(15*time.Second, map[string]float64{`tapline_loader_slots_busy_seconds_total{account="shop"}`: 25, `tapline_loader_requests_in_flight{account="shop"}`: 1})
	if _, ok := rec.Metrics(t, "tapline_loader")[`tapline_loader_slots_used{account="shop",import="orders"}`]; ok {
		t.Error("an import without a request has a series of slots in use")
	}

	// Who waits for a slot waits since the pass that found it waiting first.
	g.set("shop", accountState{waiting: map[string]time.Time{"users": began}})
	g.set("shop", accountState{refused: true, waiting: map[string]time.Time{"users": began.Add(20 * time.Second)}})
	want(30*time.Second, map[string]float64{
		`tapline_loader_slot_waiting_age_seconds{account="shop",import="users"}`: 30, `tapline_loader_account_refused{account="shop"}`: 1,
	})
	g.forget()
	if _, ok := rec.Metrics(t, "tapline_loader")[`tapline_loader_account_refused{account="shop"}`]; ok {
		t.Error("after the membership's end its state of the account is still said")
	}
}
