package redis_test

import (
	"context"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/libs/config"
	"tapline.dev/libs/redis"
	"tapline.dev/libs/redis/redistest"
	"tapline.dev/libs/telemetry/telemetrytest"
)

func TestValues(t *testing.T) {
	t.Parallel()
	client := redistest.New(t).Client(t)
	ctx := t.Context()
	if _, ok, err := client.Get(ctx, "a"); ok || err != nil {
		t.Fatalf("Get() of nothing = %v, %v, want false", ok, err)
	}
	must(t, client.Set(ctx, "a", []byte{0, 255}, 0))
	if got, ok, err := client.Get(ctx, "a"); !ok || err != nil || !cmp.Equal(got, []byte{0, 255}) {
		t.Errorf("Get() = %v, %v, %v", got, ok, err)
	}
	if stored, err := client.SetIfAbsent(ctx, "a", []byte("new"), time.Minute); stored || err != nil {
		t.Errorf("SetIfAbsent() of a taken key = %v, %v, want false", stored, err)
	}
	if stored, err := client.SetIfAbsent(ctx, "b", []byte("new"), time.Minute); !stored || err != nil {
		t.Errorf("SetIfAbsent() of a free key = %v, %v, want true", stored, err)
	}
	got, err := client.MGet(ctx, "b", "none", "a")
	must(t, err)
	if diff := cmp.Diff([][]byte{[]byte("new"), nil, {0, 255}}, got); diff != "" {
		t.Errorf("MGet() mismatch (-want +got)\n%s", diff)
	}
	must(t, client.Del(ctx, "a", "none"))
	must(t, client.Del(ctx))
	if _, ok, err := client.Get(ctx, "a"); ok || err != nil {
		t.Errorf("Get() after Del = %v, %v, want false", ok, err)
	}
}

func TestHashHoldsExactlyWhatWasWritten(t *testing.T) {
	t.Parallel()
	client := redistest.New(t).Client(t)
	ctx := t.Context()
	must(t, client.HSetAll(ctx, "run:a.1", map[string]string{"read": "1", "stale": "x"}, 0))
	want := map[string]string{"read": "2", "loaded": "2"}
	must(t, client.HSetAll(ctx, "run:a.1", want, 0))
	got, err := client.HGetAll(ctx, "run:a.1")
	must(t, err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("HGetAll() mismatch (-want +got)\n%s", diff)
	}
	all, err := client.HGetAllOf(ctx, "none", "run:a.1")
	must(t, err)
	if diff := cmp.Diff([]map[string]string{{}, want}, all); diff != "" {
		t.Errorf("HGetAllOf() mismatch (-want +got)\n%s", diff)
	}
	must(t, client.HSetAll(ctx, "run:a.1", nil, 0))
	if got, err := client.HGetAll(ctx, "run:a.1"); len(got) != 0 || err != nil {
		t.Errorf("HGetAll() after writing nothing = %v, %v", got, err)
	}
}

func TestScan(t *testing.T) {
	t.Parallel()
	client := redistest.New(t).Client(t)
	ctx := t.Context()
	var want []string
	for i := range 1200 {
		key := fmt.Sprintf("run:%04d", i)
		want = append(want, key)
		must(t, client.Set(ctx, key, nil, 0))
	}
	must(t, client.Set(ctx, "runs", nil, 0))
	must(t, client.Set(ctx, "r*n:x", nil, 0))
	keys := map[string]bool{}
	for key, err := range client.Scan(ctx, "run:") {
		must(t, err)
		keys[key] = true
	}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(keys))); diff != "" {
		t.Errorf("Scan() mismatch (-want +got)\n%s", diff)
	}
	for key, err := range client.Scan(ctx, "r*n") {
		if must(t, err); key != "r*n:x" {
			t.Errorf("Scan(%q) yields %q: the prefix was read as a pattern", "r*n", key)
		}
	}
}

func TestSortedSet(t *testing.T) {
	t.Parallel()
	client := redistest.New(t).Client(t)
	ctx := t.Context()
	for i, m := range []string{"a", "b", "c", "d"} {
		must(t, client.ZAdd(ctx, "runs", m, float64(i)))
	}
	must(t, client.ZAdd(ctx, "runs", "a", 9))
	must(t, client.ZRem(ctx, "runs", "c", "none"))
	for _, test := range []struct {
		offset, limit int
		descending    bool
		want          []string
	}{
		{0, 10, false, []string{"b", "d", "a"}},
		{0, 2, true, []string{"a", "d"}},
		{2, 2, true, []string{"b"}},
		{0, 0, true, nil},
	} {
		got, err := client.ZRange(ctx, "runs", test.offset, test.limit, test.descending)
		must(t, err)
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("ZRange(%+v) mismatch (-want +got)\n%s", test, diff)
		}
	}
	for _, test := range []struct {
		score float64
		limit int
		want  []string
	}{
		{3, 10, []string{"b"}}, {3.5, 10, []string{"b", "d"}}, {10, 2, []string{"b", "d"}}, {1, 10, []string{}}, {-1e15, 10, []string{}},
	} {
		got, err := client.ZBelow(ctx, "runs", test.score, test.limit)
		must(t, err)
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("ZBelow(%+v) mismatch (-want +got)\n%s", test, diff)
		}
	}
}

func TestSwap(t *testing.T) {
	t.Parallel()
	client := redistest.New(t).Client(t)
	for i, step := range []struct {
		old, value string
		want       bool
	}{
		{"x", "a", false}, {"", "a", true}, {"", "b", false}, {"a", "b", true}, {"a", "b", true}, {"a", "c", false}, {"b", "c", true},
	} {
		got, err := client.Swap(t.Context(), "k", step.old, step.value)
		must(t, err)
		if got != step.want {
			t.Errorf("step %d: Swap(%q, %q) = %v", i, step.old, step.value, got)
		}
	}
	value, _, err := client.Get(t.Context(), "k")
	must(t, err)
	if string(value) != "c" {
		t.Errorf("the key holds %q", value)
	}
}

func TestPrefix(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	client := server.Client(t)
	other := server.Config
	other.KeyPrefix = "other:"
	apart, err := redis.Open(other, redis.Deps{})
	must(t, err)
	defer apart.Close()
	must(t, client.Set(t.Context(), "a", []byte("1"), 0))
	if _, ok, err := apart.Get(t.Context(), "a"); ok || err != nil {
		t.Errorf("Get() with another prefix = %v, %v, want false", ok, err)
	}
}

func TestTTLInVirtualTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, client := redistest.NewVirtual(t)
		ctx := t.Context()
		must(t, client.Set(ctx, "a", []byte("1"), time.Hour))
		must(t, client.HSetAll(ctx, "h", map[string]string{"f": "v"}, time.Hour))
		time.Sleep(59 * time.Minute)
		if _, ok, err := client.Get(ctx, "a"); !ok || err != nil {
			t.Errorf("Get() before the end = %v, %v, want true", ok, err)
		}
		time.Sleep(2 * time.Minute)
		if _, ok, err := client.Get(ctx, "a"); ok || err != nil {
			t.Errorf("Get() after the end = %v, %v, want false", ok, err)
		}
		if got, err := client.HGetAll(ctx, "h"); len(got) != 0 || err != nil {
			t.Errorf("HGetAll() after the end = %v, %v, want nothing", got, err)
		}
	})
}

// Idempotent commands survive a broken connection; others are sent once.
func TestRepetition(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	dials := 0
	var dialer net.Dialer
	client, err := redis.Open(server.Config, redis.Deps{
		Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
			if dials++; dials%2 == 1 {
				return nil, net.ErrClosed
			}
			return dialer.DialContext(ctx, network, addr)
		},
	})
	must(t, err)
	defer client.Close()
	if _, err := client.SetIfAbsent(t.Context(), "a", nil, 0); err == nil {
		t.Error("SetIfAbsent() over a broken connection succeeded, want an error")
	}
	dials = 0
	if err := client.Set(t.Context(), "b", nil, 0); err != nil {
		t.Errorf("Set() error = %v, want repetition", err)
	}
}

func TestServerErrorIsNotRepeated(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	rec := telemetrytest.New(t, "test")
	client, err := redis.Open(server.Config, redis.Deps{Meter: rec.Meter("test")})
	must(t, err)
	defer client.Close()
	must(t, client.Ping(t.Context()))
	server.SetError("WRONGTYPE no")
	if err := client.Set(t.Context(), "a", nil, 0); err == nil || !strings.Contains(err.Error(), "writing a value in Redis: WRONGTYPE no") {
		t.Errorf("Set() error = %v, want the server's", err)
	}
	server.SetError("LOADING wait")
	if err := client.Set(t.Context(), "a", nil, 0); err == nil {
		t.Error("Set() at a loading server succeeded")
	}
	got := rec.Metrics(t, "tapline_redis_command_duration_seconds_count")
	want := map[string]float64{
		`tapline_redis_command_duration_seconds_count{command="set",outcome="error"}`:       1,
		`tapline_redis_command_duration_seconds_count{command="set",outcome="unavailable"}`: 3,
		`tapline_redis_command_duration_seconds_count{command="ping",outcome="ok"}`:         1,
	}
	for name, count := range want {
		if got[name] != count {
			t.Errorf("metric %s = %v, want %v", name, got[name], count)
		}
	}
}

func TestDeadServer(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	cfg := server.Config
	cfg.Timeout = 200 * time.Millisecond
	cfg.Addrs = []string{"127.0.0.1:1"}
	client, err := redis.Open(cfg, redis.Deps{})
	must(t, err)
	defer client.Close()
	start := time.Now()
	if err := client.Ping(t.Context()); err == nil {
		t.Error("Ping() of nobody succeeded")
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("Ping() took %v, want the timeout to bound it", took)
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	ok := redis.Default()
	if err := config.Validate(&ok); err != nil {
		t.Errorf("Default() is invalid: %v", err)
	}
	for want, change := range map[string]func(*redis.Config){
		"addrs: must not be empty":      func(c *redis.Config) { c.Addrs = nil },
		"addrs: want host:port":         func(c *redis.Config) { c.Addrs = []string{"localhost"} },
		"db: a cluster":                 func(c *redis.Config) { c.Addrs, c.DB = []string{"a:1", "b:1"}, 1 },
		"db: a cluster has only":        func(c *redis.Config) { c.Cluster, c.DB = true, 1 },
		"cluster: must not be set":      func(c *redis.Config) { c.Cluster, c.SentinelMaster = true, "m" },
		"sentinelMaster: must be set":   func(c *redis.Config) { c.SentinelUsername = "u" },
		"password: must be set":         func(c *redis.Config) { c.Username = "u" },
		"tls.enabled: must be true":     func(c *redis.Config) { c.TLS.ServerName = "redis" },
		"timeout: must be positive":     func(c *redis.Config) { c.Timeout = 0 },
		"dialTimeout: must be positive": func(c *redis.Config) { c.DialTimeout = -1 },
		"poolSize: must be at least 1":  func(c *redis.Config) { c.PoolSize = 0 },
	} {
		cfg := redis.Default()
		change(&cfg)
		if err := config.Validate(&cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Validate() error = %v, want %q", err, want)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
