package ledger

import (
	"context"
	"errors"
	"testing"

	"tapline.dev/libs/redis/redistest"
	"tapline.dev/schemas"
)

func named(name string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return name, nil }
}

// TestALedgerIsReadUnderItsOwnNameOnly: a run of the same number of another
// deployment, epoch or attempt has rows of its own, and would have dropped others.
func TestALedgerIsReadUnderItsOwnNameOnly(t *testing.T) {
	t.Parallel()
	redis := redistest.New(t).Client(t)
	production := Within(redis, named("production"))
	c := record(t, NewRecorder(production, config(1)), 0, []entry{{1, at(0)}})
	own := ref(1, 1, c)
	if err := SaveCounts(t.Context(), production, "customers", withCounts(own), map[int64]int64{7: 7}); err != nil {
		t.Fatal(err)
	}
	older, second, oldNames := own, own, own
	older.Epoch, second.Attempt, oldNames.Names = 2, 2, 0
	for name, r := range map[string]struct {
		store Store
		ref   schemas.LedgerRef
		whole bool
	}{
		"its own":            {production, own, true},
		"another deployment": {Within(redis, named("staging")), own, false},
		"another epoch":      {production, older, false},
		"another attempt":    {production, second, false},
		"the old names":      {production, oldNames, false},
	} {
		p, complete, err := Load(t.Context(), r.store, "customers", r.ref, 10, nil)
		if err != nil || complete != r.whole || (p != nil && len(p.entries) > 0) != r.whole {
			t.Errorf("%s: complete %v, %v, want %v", name, complete, err, r.whole)
		}
		counts, err := LoadCounts(t.Context(), r.store, "customers", withCounts(r.ref))
		if err != nil || (counts != nil) != r.whole {
			t.Errorf("%s: counts %v, %v, want them: %v", name, counts, err, r.whole)
		}
	}

	// Sweeping one deployment's ledgers leaves the other's alone.
	if err := Sweep(t.Context(), Within(redis, named("staging")), "customers"); err != nil {
		t.Fatal(err)
	}
	if _, complete, err := Load(t.Context(), production, "customers", own, 10, nil); err != nil || !complete {
		t.Errorf("after another deployment has swept: complete %v, %v", complete, err)
	}
	if err := Sweep(t.Context(), production, "customers"); err != nil {
		t.Fatal(err)
	}
	if _, complete, err := Load(t.Context(), production, "customers", own, 10, nil); err != nil || complete {
		t.Errorf("after its own deployment has swept: complete %v, %v", complete, err)
	}
}

func withCounts(r schemas.LedgerRef) schemas.LedgerRef {
	r.Counts = "A"
	return r
}

// TestALedgerOfAnEarlierVersionIsReadOnce: an upgrade sends nothing again.
func TestALedgerOfAnEarlierVersionIsReadOnce(t *testing.T) {
	t.Parallel()
	redis := redistest.New(t).Client(t)
	store := Within(redis, named("production"))
	c := record(t, NewRecorder(store, config(1)), 0, []entry{{1, at(0)}})
	values, err := store.MGet(t.Context(), config(1).attempt().chunk(0))
	if err != nil {
		t.Fatal(err)
	}
	if err := redis.Set(t.Context(), "ledger:customers:7.1:0", values[0], 0); err != nil {
		t.Fatal(err)
	}
	old := schemas.LedgerRef{Number: 7, Attempt: 1, Chunks: 1, Entries: c.Entries, Complete: true}
	if p, complete, err := Load(t.Context(), store, "customers", old, 10, nil); err != nil || !complete || len(p.entries) != 1 {
		t.Errorf("Load() = complete %v, %v of the old names", complete, err)
	}
	if err := Sweep(t.Context(), store, "customers", config(2).Ref()); err != nil {
		t.Fatal(err)
	}
	if _, complete, err := Load(t.Context(), store, "customers", old, 10, nil); err != nil || complete {
		t.Errorf("Load() = complete %v, %v after the run that followed it", complete, err)
	}
}

func TestAnUnknownDeploymentHasNoLedger(t *testing.T) {
	t.Parallel()
	down := errors.New("Kafka does not answer")
	store := Within(redistest.New(t).Client(t), func(context.Context) (string, error) { return "", down })
	if _, _, err := Load(t.Context(), store, "customers", schemas.LedgerRef{Chunks: 1, Entries: 1}, 10, nil); !errors.Is(err, down) {
		t.Errorf("Load() = %v", err)
	}
	if err := Sweep(t.Context(), store, "customers"); !errors.Is(err, down) {
		t.Errorf("Sweep() = %v", err)
	}
}
