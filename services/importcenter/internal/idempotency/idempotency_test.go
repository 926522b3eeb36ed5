package idempotency

import (
	"context"
	"crypto/sha256"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tapline.dev/libs/redis"
	"tapline.dev/libs/redis/redistest"
)

func of(caller, key, body string) Request { return New(caller, key, sha256.Sum256([]byte(body))) }

func want(t *testing.T, s *Store, r Request, outcome Outcome, answer string) {
	t.Helper()
	got, text, err := s.Begin(t.Context(), r)
	if err != nil || got != outcome || string(text) != answer {
		t.Fatalf("Begin = %s %q %v, want %s %q", got, text, err, outcome, answer)
	}
}

func did(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestLifeOfAKey(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	s, other := Open(server.Client(t)), Open(server.Client(t)) // two replicas
	first := of("key:ci", "k-1", "a")
	want(t, s, first, Begun, "")
	want(t, s, first, Begun, "") // its own answer was lost
	want(t, other, of("key:ci", "k-1", "a"), InFlight, "")
	want(t, other, of("key:ci", "k-1", "b"), Reused, "")
	want(t, other, of("key:other", "k-1", "b"), Begun, "") // keys of callers are their own
	did(t, s.Answer(t.Context(), first, []byte("done")))
	want(t, other, of("key:ci", "k-1", "a"), Answered, "done")
	want(t, other, of("key:ci", "k-1", "b"), Reused, "")

	refused := of("key:ci", "k-2", "a")
	want(t, s, refused, Begun, "")
	did(t, s.Forget(t.Context(), refused))
	want(t, other, of("key:ci", "k-2", "b"), Begun, "")

	open := of("key:ci", "k-3", "a")
	want(t, s, open, Begun, "")
	did(t, s.Leave(t.Context(), open))
	want(t, other, of("key:ci", "k-3", "b"), Reused, "")
	want(t, other, of("key:ci", "k-3", "a"), Begun, "")

	long := of("key:ci", "k-4", "a")
	want(t, s, long, Begun, "")
	did(t, s.Answer(t.Context(), long, []byte(strings.Repeat("x", MaxAnswer+1))))
	want(t, other, of("key:ci", "k-4", "a"), NotKept, "")
}

// TestAReplicaThatDied: its request counts as under way until its lease ends, and what it
// says after another replica has taken the key over does not count.
func TestAReplicaThatDied(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, client := redistest.NewVirtual(t)
		s := Open(client)
		first, second := of("c", "k", "a"), of("c", "k", "a")
		want(t, s, first, Begun, "")
		time.Sleep(lease - time.Second)
		did(t, s.Renew(t.Context(), first))
		time.Sleep(2 * time.Second)
		want(t, s, second, InFlight, "")
		time.Sleep(lease)
		want(t, s, second, Begun, "")
		did(t, s.Answer(t.Context(), first, []byte("late")))
		want(t, s, of("c", "k", "a"), InFlight, "")
		did(t, s.Answer(t.Context(), second, []byte("right")))
		want(t, s, of("c", "k", "a"), Answered, "right")
	})
}

func TestKeysAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, client := redistest.NewVirtual(t)
		s := Open(client)
		s.maxKeys = 3
		fields := redis.NewScript(`return redis.call('HLEN', KEYS[1])`)
		for i := range 5 {
			r := of("c", strconv.Itoa(i), "a")
			want(t, s, r, Begun, "")
			did(t, s.Answer(t.Context(), r, []byte("x")))
			time.Sleep(time.Second)
		}
		if n, err := client.Run(t.Context(), fields, of("c", "", "").keys()); err != nil || n != int64(3*4) {
			t.Errorf("the hash has %v fields (%v), want four of each of 3 keys", n, err)
		}
		want(t, s, of("c", "4", "a"), Answered, "x")
		want(t, s, of("c", "2", "a"), Answered, "x")
		want(t, s, of("c", "0", "a"), Begun, "") // the oldest was forgotten
		time.Sleep(keptFor - time.Minute)
		want(t, s, of("c", "4", "b"), Reused, "")
		time.Sleep(2 * time.Minute)
		want(t, s, of("c", "5", "b"), Begun, "")
		if n, err := client.Run(t.Context(), fields, of("c", "", "").keys()); err != nil || n != int64(3) {
			t.Errorf("a day later the hash has %v fields (%v), want three of one key", n, err)
		}
	})
}

// TestOneOfManyBegins: of requests that come at once, one goes on.
func TestOneOfManyBegins(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	s := Open(server.Client(t))
	var mu sync.Mutex
	outcomes := map[Outcome]int{}
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			outcome, _, err := s.Begin(context.WithoutCancel(t.Context()), of("c", "k", "a"))
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			outcomes[outcome]++
		})
	}
	group.Wait()
	if outcomes[Begun] != 1 || outcomes[InFlight] != 19 {
		t.Errorf("outcomes = %v", outcomes)
	}
}
