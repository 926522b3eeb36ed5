package tests

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/domain/projection"
	"tapline.dev/libs/redis"
	"tapline.dev/schemas"
	"tapline.dev/tests/harness"
	"tapline.dev/tests/servers"
)

// TestRedisCluster: all of Tapline's commands work across the slots of a cluster. The
// configuration names one node.
func TestRedisCluster(t *testing.T) {
	onRealServers(t)
	t.Parallel()
	server := startRedis(t, "--cluster-enabled", "yes", "--requirepass", "right")
	inline(t, server.Addr, "AUTH right", "CLUSTER ADDSLOTSRANGE 0 16383")
	cfg := redis.Default()
	cfg.Addrs, cfg.Cluster, cfg.Username, cfg.Password = []string{server.Addr}, true, "default", "right"
	useRedis(t, cfg)
}

// TestRedisSentinel: the sentinels name the master, and each has its own password.
func TestRedisSentinel(t *testing.T) {
	onRealServers(t)
	t.Parallel()
	master := startRedis(t)
	inline(t, master.Addr, "ACL SETUSER tapline on >right ~* &* +@all")
	host, port, err := net.SplitHostPort(master.Addr)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "sentinel.conf")
	if err := os.WriteFile(file, fmt.Appendf(nil, "sentinel monitor tapline %s %s 1\nrequirepass watch\n", host, port), 0o600); err != nil {
		t.Fatal(err)
	}
	sentinel := startRedis(t, file, "--sentinel")
	cfg := redis.Default()
	cfg.Addrs, cfg.SentinelMaster, cfg.SentinelPassword = []string{sentinel.Addr}, "tapline", "watch"
	cfg.Username, cfg.Password = "tapline", "right"
	useRedis(t, cfg)
}

// TestAFailoverToAnOldReplica: a replica that fell behind before the second loader
// took its lease becomes the master. Neither loader may assume that it knows all leases:
// together they would use more slots than the account has.
func TestAFailoverToAnOldReplica(t *testing.T) {
	onRealServers(t)
	t.Parallel()
	master := startRedis(t)
	host, port, err := net.SplitHostPort(master.Addr)
	if err != nil {
		t.Fatal(err)
	}
	replica := startRedis(t, "--replicaof", host+" "+port)
	file := filepath.Join(t.TempDir(), "sentinel.conf")
	watch := fmt.Sprintf("sentinel monitor tapline %s %s 1\nsentinel down-after-milliseconds tapline 1000\nsentinel failover-timeout tapline 3000\n", host, port)
	if err := os.WriteFile(file, []byte(watch), 0o600); err != nil {
		t.Fatal(err)
	}
	sentinel := startRedis(t, file, "--sentinel")
	cfg := redis.Default()
	cfg.Addrs, cfg.SentinelMaster = []string{sentinel.Addr}, "tapline"
	client, err := redis.Open(cfg, redis.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	const ttl = 10 * time.Second
	leases := redis.NewLeases(client)
	lease := func(holder string, held bool) (l redis.Lease) {
		harness.Eventually(t, time.Minute, "the lease of "+holder+" is answered", func() bool {
			var err error
			l, err = leases.Acquire(t.Context(), redis.LeaseRequest{Pool: "a", Holder: holder, Want: 8, Limit: 15, TTL: ttl, Held: held})
			return err == nil
		})
		return l
	}
	harness.Eventually(t, time.Minute, "the pool is known for as long as a lease lives", func() bool { return lease("first", true).Age >= ttl })
	harness.Eventually(t, time.Minute, "the replica has the first lease, and the sentinel has the replica", func() bool {
		return !strings.Contains(tell(t, replica.Addr, "DBSIZE"), ":0") && strings.Contains(tell(t, sentinel.Addr, "INFO sentinel"), "slaves=1")
	})
	signalTo(t, replica.PID(), syscall.SIGSTOP)
	if second := lease("second", false); second.Granted != 7 {
		t.Fatalf("the second lease is %+v", second)
	}
	master.Kill()
	signalTo(t, replica.PID(), syscall.SIGCONT)
	harness.Eventually(t, time.Minute, "the replica is the master", func() bool {
		return strings.Contains(tell(t, replica.Addr, "INFO replication"), "role:master")
	})
	for _, holder := range []string{"first", "second"} {
		if l := lease(holder, true); l.Age >= ttl {
			t.Errorf("after the failover the lease of the %s is %+v: this Redis cannot know all leases", holder, l)
		}
	}
}

func signalTo(t *testing.T, pid int, s syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, s); err != nil {
		t.Fatal(err)
	}
}

// tell sends a command and returns what comes within a moment.
func tell(t *testing.T, addr, command string) string {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "%s\r\nPING\r\n", command)
	var answer strings.Builder
	for lines := bufio.NewScanner(conn); lines.Scan() && lines.Text() != "+PONG"; {
		answer.WriteString(lines.Text() + "\n")
	}
	return answer.String()
}

func startRedis(t *testing.T, args ...string) *servers.Redis {
	t.Helper()
	server, err := servers.StartRedis(t.Context(), t.TempDir(), args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	return server
}

// inline sends commands and demands that each is answered by OK.
func inline(t *testing.T, addr string, commands ...string) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	answers := bufio.NewReader(conn)
	for _, command := range commands {
		fmt.Fprintf(conn, "%s\r\n", command)
		if answer, err := answers.ReadString('\n'); err != nil || !strings.HasPrefix(answer, "+OK") {
			t.Fatalf("%s: %q, %v", command, answer, err)
		}
	}
}

// useRedis writes and reads a projection, scans, and leases slots.
func useRedis(t *testing.T, cfg redis.Config) {
	t.Helper()
	client, err := redis.Open(cfg, redis.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	harness.Eventually(t, 30*time.Second, "it answers", func() bool {
		return client.Ping(t.Context()) == nil && client.Set(t.Context(), "ready", nil, time.Minute) == nil
	})
	w, want := projection.NewWriter(client), map[string]bool{}
	for i := range 20 {
		run := schemas.Run{Import: "customers", Run: fmt.Sprintf("customers.%d", i+1), State: schemas.StateSucceeded}
		if err := w.PutRun(t.Context(), run); err != nil {
			t.Fatal(err)
		}
		want[projection.RunKey(run.Run)] = true
	}
	got := map[string]bool{}
	for key, err := range client.Scan(t.Context(), projection.RunKey("")) {
		if err != nil {
			t.Fatal(err)
		}
		got[key] = true
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("keys mismatch (-want +got):\n%s", diff)
	}
	run, found, err := projection.NewReader(client).Run(t.Context(), "customers.7")
	if err != nil || !found || run.Import != "customers" {
		t.Errorf("customers.7 is %+v, %v, %v", run, found, err)
	}
	lease, err := redis.NewLeases(client).Acquire(t.Context(), redis.LeaseRequest{Pool: "slots:a", Holder: "h", Want: 20, Limit: 15, TTL: time.Minute})
	if err != nil || lease.Granted != 15 {
		t.Errorf("the lease is %+v, %v, want 15 slots", lease, err)
	}
}
