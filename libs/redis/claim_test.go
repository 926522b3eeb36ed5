package redis_test

import (
	"errors"
	"strings"
	"testing"

	"tapline.dev/libs/redis"
	"tapline.dev/libs/redis/redistest"
)

func TestClaim(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	client := server.Client(t)
	for i, step := range []struct {
		owner string
		flush bool
		taken bool
	}{
		{owner: "production"},
		{owner: "production"},
		{owner: "staging", taken: true},
		{owner: "staging", flush: true}, // an emptied Redis is whose it is claimed for first
		{owner: "production", taken: true},
	} {
		if step.flush {
			server.Flush()
		}
		err := client.Claim(t.Context(), step.owner)
		if errors.Is(err, redis.ErrClaimed) != step.taken || !step.taken && err != nil {
			t.Errorf("%d: Claim(%s) = %v, want it taken: %v", i, step.owner, err, step.taken)
		}
		if step.taken && (!strings.Contains(err.Error(), "redis.keyPrefix of its own") || !strings.Contains(err.Error(), "belong to "+map[string]string{"staging": "production", "production": "staging"}[step.owner])) {
			t.Errorf("%d: the error does not say whose it is and what to do: %v", i, err)
		}
	}
	server.SetError("LOADING")
	if err := client.Claim(t.Context(), "production"); err == nil || errors.Is(err, redis.ErrClaimed) {
		t.Errorf("Claim() = %v of a Redis that does not answer", err)
	}
}

// TestSlotsAreSharedByDeployments: an account has one limit, whoever loads into
// it.
func TestSlotsAreSharedByDeployments(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	staging := server.Config
	staging.KeyPrefix += "staging:"
	other, err := redis.Open(staging, redis.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Close() })
	one, two := redis.NewLeases(server.Client(t)), redis.NewLeases(other)
	if got := acquire(t, one, "a", limit, 0, limit); got.Granted != limit {
		t.Fatalf("granted %d of a free pool", got.Granted)
	}
	if got := acquire(t, two, "b", limit, 0, limit); got.Granted != 0 || got.Others != limit {
		t.Errorf("another deployment got %d slots beside %d, want none beside %d", got.Granted, got.Others, limit)
	}
}
