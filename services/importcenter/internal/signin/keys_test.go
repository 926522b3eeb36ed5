package signin

import (
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"testing"
	"time"

	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/access"
)

// table is the resources topic.
type table struct {
	held    map[string]schemas.Resource
	changed chan struct{}
}

func (t *table) Resources(string) []schemas.Resource { return slices.Collect(maps.Values(t.held)) }

func (t *table) ResourcesChanged() <-chan struct{} { return t.changed }

func (t *table) put(name string, spec *schemas.AccessKeySpec) {
	delete(t.held, name)
	if spec != nil {
		raw, _ := json.Marshal(spec)
		t.held[name] = schemas.Resource{Kind: schemas.KindAccessKey, Metadata: schemas.Metadata{Name: name}, Spec: raw}
	}
	close(t.changed)
	t.changed = make(chan struct{})
}

func TestKeys(t *testing.T) {
	t.Parallel()
	now := time.Now()
	topic := &table{map[string]schemas.Resource{}, make(chan struct{})}
	k := NewKeys(topic, slog.New(slog.DiscardHandler))
	first, second := schemas.NewAccessKey(), schemas.NewAccessKey()
	hash := func(key string) string { h, _ := schemas.HashAccessKey(key); return h }
	judge := func(key string, at time.Time) error { _, err := k.caller(key, at); return err }

	topic.put("ci", &schemas.AccessKeySpec{Hash: hash(first), Role: "operator", ExpiresAt: now.Add(10 * time.Second)})
	if _, ok := errors.AsType[*access.UnavailableError](judge(first, now)); !ok {
		t.Error("a key is judged before Kafka was read to its end")
	}
	k.Confirm(now)
	if err := judge(first, now); err != nil {
		t.Errorf("a key that holds: %v", err)
	}
	if err := judge(first, now.Add(10*time.Second)); !errors.Is(err, errExpired) {
		t.Errorf("at its end: %v", err)
	}
	if err := judge(second, now); !errors.Is(err, errUnknown) {
		t.Errorf("an unknown key: %v", err)
	}
	topic.put("ci", &schemas.AccessKeySpec{Hash: hash(second), Role: "operator"})
	if err := judge(first, now); !errors.Is(err, errUnknown) {
		t.Errorf("a key that another of its name has followed: %v", err)
	}
	caller, err := k.caller(second, now)
	if err != nil || caller.Role != access.Operator || caller.StillHolds(now) != nil {
		t.Fatalf("the caller is %+v, %v", caller, err)
	}
	if _, ok := errors.AsType[*access.UnavailableError](judge(second, now.Add(staleAfter+time.Second))); !ok {
		t.Error("a key counts although Kafka has long been away")
	}
	topic.put("ci", &schemas.AccessKeySpec{Hash: hash(second), Role: "superuser"})
	if err := judge(second, now); !errors.Is(err, errUnknown) || !errors.Is(caller.StillHolds(now), errUnknown) {
		t.Errorf("a key with a role that is none: %v", err)
	}
	topic.put("ci", &schemas.AccessKeySpec{Hash: hash(second), Role: "viewer"})
	topic.put("ci", nil)
	if err := judge(second, now); !errors.Is(err, errUnknown) {
		t.Errorf("a revoked key: %v", err)
	}
}

// A key that is about to end is alerted on by its name.
func TestEndsOfKeys(t *testing.T) {
	t.Parallel()
	end := time.Now().Add(time.Hour)
	topic := &table{map[string]schemas.Resource{}, make(chan struct{})}
	k := NewKeys(topic, slog.New(slog.DiscardHandler))
	topic.put("ci", &schemas.AccessKeySpec{Hash: "1", Role: "operator", ExpiresAt: end})
	topic.put("airflow", &schemas.AccessKeySpec{Hash: "2", Role: "viewer"})
	if got := k.Expiries(); len(got) != 1 || !got["ci"].Equal(end) {
		t.Errorf("Expiries() = %v, want ci at %v", got, end)
	}
	topic.put("airflow", &schemas.AccessKeySpec{Hash: "2", Role: "viewer", ExpiresAt: end})
	topic.put("ci", nil)
	if got := k.Expiries(); len(got) != 1 || !got["airflow"].Equal(end) {
		t.Errorf("once ci is revoked Expiries() = %v, want airflow at %v", got, end)
	}
}
