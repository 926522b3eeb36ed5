package importcenter

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"tapline.dev/domain/projection"
	"tapline.dev/libs/redis/redistest"
	"tapline.dev/schemas"
)

// TestARedisThatRefusesWritesIsNotTheTruth: Redis answers, and what it holds is old, because
// it refuses to write, or is a replica that was behind when it took over. Runs come from the
// log then, the listing says so, and readiness names it; once Redis shows all, it is read
// again.
func TestARedisThatRefusesWritesIsNotTheTruth(t *testing.T) {
	t.Parallel()
	var front *redistest.Proxy
	c := startService(t, func(cfg *Config) {
		cfg.CheckTimeout = 0
		front = redistest.StartProxy(t, cfg.Redis.Addrs[0])
		cfg.Redis.Addrs = []string{front.Addr()}
	}, func(s *Service) { s.mayLack = 100 * time.Millisecond })
	c.apply(connection, account, customers)
	server := c.redis.Config
	server.Addrs = []string{front.Addr()}
	through := redistest.Server{Config: server}
	w := projection.NewWriter(through.Client(t))
	partition := schemas.ControlPartition("customers")
	run := schemas.Run{Run: "customers.1", Import: "customers", State: schemas.StateLoading, Attempt: 1, StartedAt: time.Now().UTC()}
	project := func() error {
		t.Helper()
		if err := w.PutRun(t.Context(), run); err != nil {
			return err
		}
		found, err := w.Progress(t.Context(), partition)
		if err != nil {
			return err
		}
		end := int64(len(c.log(c.topics.Runs(), partition)))
		_, err = w.AdvanceProgress(t.Context(), partition, found, projection.NewProgress(end, time.Now().String()))
		return err
	}
	shows := func(state, source string) bool {
		a, list := c.do("GET", "/v1/runs/customers.1", ""), c.do("GET", "/v1/runs", "")
		return a.status == http.StatusOK && a.body["state"] == state && list.status == http.StatusOK && list.header.Get("Tapline-Source") == source
	}
	c.produceAs(c.topics.Runs(), "customers", run)
	if err := project(); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { return shows(schemas.StateLoading, "") })

	for _, refusal := range []string{
		"OOM command not allowed when used memory > 'maxmemory'.", "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist on disk.",
		"NOREPLICAS Not enough good replicas to write.", "READONLY You can't write against a read only replica.",
	} {
		front.RefuseWrites(refusal)
		run.State = schemas.StateSucceeded
		c.produceAs(c.topics.Runs(), "customers", run)
		if project() == nil {
			t.Fatalf("Redis took a write that it refuses with %s", refusal)
		}
		eventually(t, func() bool { return shows(schemas.StateSucceeded, "log") })
		front.RefuseWrites("")
		if err := project(); err != nil {
			t.Fatal(err)
		}
		eventually(t, func() bool { return shows(schemas.StateSucceeded, "") })
		run.State = schemas.StateLoading
		c.produceAs(c.topics.Runs(), "customers", run)
		if err := project(); err != nil {
			t.Fatal(err)
		}
		eventually(t, func() bool { return shows(schemas.StateLoading, "") })
	}

	// A replica that was behind: what it holds goes back.
	found, err := w.Progress(t.Context(), partition)
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := w.AdvanceProgress(t.Context(), partition, found, projection.NewProgress(0, "old")); err != nil || !ok {
		t.Fatal(ok, err)
	}
	eventually(t, func() bool { return shows(schemas.StateLoading, "log") })
	eventually(t, func() bool { return strings.Contains(c.logs.String(), "Redis lacks runs that the log has") })
	if err := project(); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { return strings.Contains(c.logs.String(), "Redis shows what the log has again") })
}
