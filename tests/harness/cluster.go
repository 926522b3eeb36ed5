package harness

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tapline.dev/libs/kafka"
)

// Options say how a cluster is run.
type Options struct {
	// Separate runs the services as programs of their own beside
	// `tapline dev --only infra`; otherwise `tapline dev` is all there is.
	Separate bool
	// DevArgs are further flags of `tapline dev`.
	DevArgs []string
	// Env are further variables of every process.
	Env []string
	// Replicas is how many of a service run where that is not one.
	Replicas map[string]int
}

// Cluster is a running Tapline.
type Cluster struct {
	Dir       string
	Endpoints Endpoints
	Dev       *Process
	Services  map[string]*Process   // the first of each; empty unless separate
	Replicas  map[string][]*Process // all of each
	Admin     map[string]string     // where the first of each tells of itself
	Addresses map[string][]string   // the admin addresses, host:port, of all of each

	bin     string
	options Options
	base    int              // of the ports
	admin   int              // the next one
	sasl    kafka.SASLConfig // how the test itself connects to a secured broker
}

// Endpoints is what `tapline dev` writes to endpoints.json.
type Endpoints struct {
	ImportCenter string `json:"importCenter"`
	Kafka        string `json:"kafka"`
	Redis        string `json:"redis"`
	KafkaPrefix  string `json:"kafkaPrefix"`
	RedisPrefix  string `json:"redisPrefix"`
	Snowflake    struct {
		URL, Account, User, Password, Warehouse string
	} `json:"snowflake"`
	CleverTap struct {
		URL, AccountID, Passcode string
	} `json:"clevertap"`
	Files map[string]string `json:"files"`
}

// Start runs a cluster until the test ends.
func Start(t testing.TB, o Options) *Cluster {
	t.Helper()
	c := &Cluster{Dir: t.TempDir(), bin: programs(t), options: o, Services: map[string]*Process{}, Replicas: map[string][]*Process{}, Admin: map[string]string{}, Addresses: map[string][]string{}}
	base := portBase(t)
	args := []string{"dev", "--data", filepath.Join(c.Dir, "data"), "--port-base", fmt.Sprint(base)}
	args = append(args, runningServers(t)...)
	if o.Separate {
		args = append(args, "--only", "infra")
	}
	c.Dev = newProcess(t, c.Dir, "dev", filepath.Join(c.bin, "tapline"), o.Env, append(args, o.DevArgs...)...)
	c.StartDev(t)
	t.Cleanup(func() { c.checkContracts(t) })
	if !o.Separate {
		return c
	}
	c.base, c.admin = base, base+10
	for _, name := range Services {
		for range max(1, o.Replicas[name]) {
			c.AddReplica(t, name)
		}
	}
	c.Endpoints.ImportCenter = fmt.Sprintf("http://127.0.0.1:%d", base)
	Eventually(t, time.Minute, "the Import Center answers", func() bool { return c.try("get", "imports", "-o", "json") == nil })
	c.Apply(t, c.Endpoints.Files["resources"])
	return c
}

// checkContracts checks every record of the control topics against its schema, unless the
// test has stopped Kafka.
func (c *Cluster) checkContracts(t testing.TB) {
	if !c.Dev.Running() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
	defer cancel()
	complaints, _, err := CheckContracts(ctx, c.Kafka(), kafka.Deps{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Errorf("checking the records of the control topics: %v", err)
	}
	for _, complaint := range complaints {
		t.Errorf("a contract is broken: %s", complaint)
	}
}

// AddReplica starts one more of a service, until t ends.
func (c *Cluster) AddReplica(t testing.TB, name string) *Process {
	t.Helper()
	c.admin++
	return c.startReplica(t, name, len(c.Replicas[name]), c.base, c.admin-1)
}

// startReplica starts a service's replica i.
func (c *Cluster) startReplica(t testing.TB, name string, i, base, admin int) *Process {
	t.Helper()
	env := append([]string{
		"TAPLINE_KAFKA_BROKERS=" + c.Endpoints.Kafka,
		"TAPLINE_KAFKA_PREFIX=" + c.Endpoints.KafkaPrefix,
		"TAPLINE_KAFKA_CREATE_TOPICS=true",
		"TAPLINE_KAFKA_SESSION_TIMEOUT=6s",
		// A member that is killed between joining and syncing delays the group for so long.
		"TAPLINE_KAFKA_REBALANCE_TIMEOUT=15s",
		"TAPLINE_REDIS_ADDRS=" + c.Endpoints.Redis,
		"TAPLINE_REDIS_KEY_PREFIX=" + c.Endpoints.RedisPrefix,
		"TAPLINE_ALLOW_CUSTOM_ENDPOINTS=true",
		"TAPLINE_SECRETS_DIRECTORIES=" + filepath.Join(c.Dir, "data", "secrets"),
		fmt.Sprintf("TAPLINE_ADMIN_ADDR=127.0.0.1:%d", admin),
		"TAPLINE_ADMIN_PROFILES=true",
		fmt.Sprintf("TAPLINE_HTTP_ADDR=127.0.0.1:%d", base),
		fmt.Sprintf("TAPLINE_INSTANCE=%d", i),
		"TAPLINE_REQUEST_TIMEOUT=4s",
		fmt.Sprintf("TAPLINE_MAX_REPLICAS=%d", max(1, c.options.Replicas[name])),
	}, c.options.Env...)
	p := newProcess(t, c.Dir, fmt.Sprintf("%s-%d", name, i), filepath.Join(c.bin, name), env)
	p.Start(t)
	if i == 0 {
		c.Admin[name] = fmt.Sprintf("http://127.0.0.1:%d", admin)
	}
	c.Addresses[name] = append(c.Addresses[name], fmt.Sprintf("127.0.0.1:%d", admin))
	c.Replicas[name] = append(c.Replicas[name], p)
	c.Services[name] = c.Replicas[name][0]
	return p
}

// RemoveReplica stops the last replica of a service with a drain.
func (c *Cluster) RemoveReplica(t testing.TB, name string) {
	t.Helper()
	last := len(c.Replicas[name]) - 1
	c.Replicas[name][last].Stop(t)
	c.Replicas[name] = c.Replicas[name][:last]
}

// StartDev starts `tapline dev`, again after a stop, and waits until it is ready.
func (c *Cluster) StartDev(t testing.TB) {
	t.Helper()
	path := filepath.Join(c.Dir, "data", "endpoints.json")
	_ = os.Remove(path)
	c.Dev.Start(t)
	Eventually(t, time.Minute, "tapline dev is ready", func() bool {
		if !c.Dev.Running() {
			t.Fatalf("tapline dev ended while starting:\n%s", tail(c.Dev.log, 4000))
		}
		text, err := os.ReadFile(path)
		return err == nil && json.Unmarshal(text, &c.Endpoints) == nil
	})
}

var nextBase atomic.Int32

// portBase finds 30 free ports below the system's own.
func portBase(t testing.TB) int {
	t.Helper()
	for range 200 {
		base := 20000 + (os.Getpid()*200+int(nextBase.Add(1))*40)%12000
		if slices.IndexFunc(ports(base), taken) < 0 {
			return base
		}
	}
	t.Fatal("no 30 free ports in a row")
	return 0
}

func ports(base int) []int {
	out := make([]int, 30)
	for i := range out {
		out[i] = base + i
	}
	return out
}

func taken(port int) bool {
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return true
	}
	_ = l.Close()
	return false
}

// CLI runs bin/tapline and returns what it printed.
func (c *Cluster) CLI(t testing.TB, args ...string) (stdout string, code int) {
	t.Helper()
	cmd := exec.Command(filepath.Join(c.bin, "tapline"), append(args, "--server", c.Endpoints.ImportCenter)...)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err := cmd.Run()
	if cmd.ProcessState == nil {
		t.Fatalf("tapline %s: %v", strings.Join(args, " "), err)
	}
	if code = cmd.ProcessState.ExitCode(); code != 0 && code != 3 {
		t.Logf("tapline %s: exit code %d\n%s", strings.Join(args, " "), code, errOut.String())
	}
	return out.String(), code
}

func (c *Cluster) try(args ...string) error {
	return exec.Command(filepath.Join(c.bin, "tapline"), append(args, "--server", c.Endpoints.ImportCenter)...).Run()
}

// Apply applies a file of definitions.
func (c *Cluster) Apply(t testing.TB, path string) {
	t.Helper()
	if _, code := c.CLI(t, "apply", "-f", path); code != 0 {
		t.Fatalf("tapline apply -f %s: exit code %d", path, code)
	}
}

// ApplyText applies definitions given as YAML.
func (c *Cluster) ApplyText(t testing.TB, yaml string) {
	t.Helper()
	path := filepath.Join(c.Dir, "definitions.yaml")
	if err := os.WriteFile(path, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	c.Apply(t, path)
}

// Kafka returns the connection settings of the cluster's broker.
func (c *Cluster) Kafka() kafka.Config {
	cfg := kafka.DefaultConfig()
	cfg.Brokers = strings.Split(c.Endpoints.Kafka, ",")
	cfg.Prefix = c.Endpoints.KafkaPrefix
	cfg.SASL = c.sasl
	return cfg
}

// Eventually polls a condition until it holds.
func Eventually(t testing.TB, within time.Duration, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(within)
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", within, what)
		}
		time.Sleep(20 * time.Millisecond) // between looks at the condition
	}
}
