package harness

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Resources are what a process or a store uses while it is idle.
type Resources struct {
	Goroutines, Files int
	HeapMiB           float64 // after a garbage collection
}

// Resources returns what a service's process uses.
func (c *Cluster) Resources(t testing.TB, service string) Resources {
	t.Helper()
	admin := c.Admin[service]
	res, err := http.Get(admin + "/debug/pprof/heap?gc=1") // collects before it answers
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", c.Services[service].cmd.Process.Pid))
	if err != nil {
		t.Skipf("this system does not tell the files of a process: %v", err)
	}
	metrics := gauges(t, admin+"/metrics")
	return Resources{
		Goroutines: int(metrics["go_goroutines"]), Files: len(entries),
		HeapMiB: metrics["go_memstats_heap_alloc_bytes"] / (1 << 20),
	}
}

// gauges reads the metrics without labels.
func gauges(t testing.TB, url string) map[string]float64 {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	out := map[string]float64{}
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		name, text, _ := strings.Cut(lines.Text(), " ")
		if v, err := strconv.ParseFloat(text, 64); err == nil {
			out[name] = v
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

var number = regexp.MustCompile(`\d+`)

// RedisKeys counts the cluster's keys by their shape, with n for each number.
func (c *Cluster) RedisKeys(t testing.TB) map[string]int {
	t.Helper()
	out := map[string]int{}
	for key, err := range c.Redis(t).Scan(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		out[number.ReplaceAllString(key, "n")]++
	}
	return out
}

// RunningStatements returns the number of statements that the sandbox Snowflake runs.
func (c *Cluster) RunningStatements(t testing.TB) int {
	t.Helper()
	var answer struct{ Items []any }
	if err := get(c.Endpoints.Snowflake.URL+"/sandbox/v1/queries?status=RUNNING", &answer); err != nil {
		t.Fatal(err)
	}
	return len(answer.Items)
}
