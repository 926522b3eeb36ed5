// Package pipeline measures the whole pipeline beside a plain program that does the same
// without accounting, in alternation on the same servers. Run it with `make bench`.
package pipeline

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/schemas"
	"tapline.dev/tests/harness"
)

var (
	rows   = flag.Int("rows", 0, "rows of a run; 0 measures nothing")
	pairs  = flag.Int("pairs", 3, "how often both programs run")
	small  = flag.Int("small", 20, "how many runs of 100 rows are timed for the latency")
	output = flag.String("figures", "", "a file for the figures, as JSON")
	// Profiles cost the services a little: runs with them are not for the table.
	profiles = flag.String("profiles", "", "a folder for CPU profiles of the services")
)

// profiled is how long a profile of a run takes.
const profiled = 8 * time.Second

// services are the four that a row passes or that count it.
var services = []string{"extractor", "mapper", "loader", "scheduler"}

// measure is what one run took.
type measure struct {
	Seconds    float64            `json:"seconds"`
	RowsPerS   float64            `json:"rowsPerSecond"`
	CPUSeconds map[string]float64 `json:"cpuSeconds"` // by process
	CPU        float64            `json:"cpuSecondsPerMillion"`
	BrokerCPU  float64            `json:"brokerAndSandboxCpuSecondsPerMillion"`
	PeakMiB    map[string]int     `json:"peakMiB"`
	Uploads    int64              `json:"uploads"`
}

type figures struct {
	Rows       int       `json:"rows"`
	Tapline    []measure `json:"tapline"`
	Plain      []measure `json:"plain"`
	RowsRatio  []float64 `json:"rowsRatio"` // of each pair
	CPURatio   []float64 `json:"cpuRatio"`
	LatencyP50 float64   `json:"latencyP50Seconds"` // of runs of 100 rows, from the request to the end
	LatencyP99 float64   `json:"latencyP99Seconds"`
}

func TestMain(m *testing.M) {
	code := m.Run()
	harness.RemovePrograms()
	os.Exit(code)
}

// query makes the 12 columns of the rows. The sandbox makes no nested values of a
// generator's rows, so that the last one is a text.
const query = `select seq8() + 1 as ID, 'Customer ' || seq8() as NAME, 'user' || seq8() || '@example.com' as EMAIL,
 '+91' || to_varchar(9810000000 + mod(seq8(), 80000000)) as PHONE, 'Bengaluru' as CITY, (mod(seq8(), 2) = 0) as ACTIVE,
 mod(seq8(), 100000)::number(12,2) as SPEND, seq8()::float as SCORE, dateadd(day, mod(seq8(), 3000), '2018-01-01'::date) as BORN,
 dateadd(second, seq8(), '2026-01-01'::timestamp_ntz(9)) as CREATED_AT, dateadd(second, seq8(), '2026-06-01'::timestamp_ntz(9)) as UPDATED_AT,
 'sms, push, email, gold' as PREFERENCES
 from table(generator(rowcount => %d))`

func TestPipeline(t *testing.T) {
	if *rows == 0 {
		t.Skip("-rows is 0")
	}
	clevertap := &counting{}
	server := httptest.NewServer(clevertap)
	defer server.Close()
	c := harness.Start(t, harness.Options{Separate: true})
	c.SetAccount(t, map[string]any{"endpoint": server.URL})
	// Each run is of an import of its own: the ledger would leave out the rows of another.
	text := definition("warm", 100)
	for i := range *pairs {
		text += definition(fmt.Sprintf("bench%d", i), *rows)
	}
	for i := range *small {
		text += definition(fmt.Sprintf("small%d", i), 100)
	}
	c.ApplyText(t, text)
	plain := build(t)
	f := figures{Rows: *rows}
	tapline(t, c, clevertap, "warm", 100) // connections and caches are warm for both
	for i := range *pairs {
		wait := c.Profile(t, *profiles, fmt.Sprintf("rows%d", i), profiled)
		a := tapline(t, c, clevertap, fmt.Sprintf("bench%d", i), *rows)
		wait()
		b := plainly(t, c, clevertap, server.URL, plain, *rows)
		f.Tapline, f.Plain = append(f.Tapline, a), append(f.Plain, b)
		f.RowsRatio, f.CPURatio = append(f.RowsRatio, a.RowsPerS/b.RowsPerS), append(f.CPURatio, a.CPU/b.CPU)
	}
	var latency []float64
	for i := range *small {
		latency = append(latency, tapline(t, c, clevertap, fmt.Sprintf("small%d", i), 100).Seconds)
	}
	if slices.Sort(latency); len(latency) > 0 {
		f.LatencyP50, f.LatencyP99 = latency[len(latency)/2], latency[len(latency)*99/100]
	}
	printTable(t, os.Stdout, f)
}

// definition is an import that reads every row.
func definition(name string, n int) string {
	text, err := json.Marshal(fmt.Sprintf(query, n))
	if err != nil {
		panic(err) // a string is JSON
	}
	return fmt.Sprintf(`---
apiVersion: tapline.dev/v1alpha1
kind: Import
metadata: {name: %s}
spec:
  source: {connectionRef: warehouse, query: %s}
  destination: {accountRef: clevertap, type: profile}
  identity: {column: ID}
  mapping: [NAME -> Name, EMAIL -> Email, PHONE -> Phone, CITY -> city, ACTIVE -> active, SPEND -> spend, SCORE -> score, BORN -> born, CREATED_AT -> created, UPDATED_AT -> updated]
`, name, text)
}

// tapline runs an import and measures what the services took for it.
func tapline(t *testing.T, c *harness.Cluster, clevertap *counting, name string, n int) measure {
	t.Helper()
	before, uploads := costs(t, c), clevertap.uploads.Load()
	began := time.Now()
	r := c.Close(t, c.Trigger(t, name), 10*time.Minute)
	m := measure{Seconds: time.Since(began).Seconds(), CPUSeconds: map[string]float64{}, PeakMiB: map[string]int{}, Uploads: clevertap.uploads.Load() - uploads}
	if r.Counts.Loaded != int64(n) || r.State != schemas.StateSucceeded {
		t.Fatalf("run %s: %s, %+v %+v", r.Run, r.State, r.Counts, r.Error)
	}
	after := costs(t, c)
	total := 0.0
	for _, s := range services {
		m.CPUSeconds[s] = (after[s].CPU - before[s].CPU).Seconds()
		m.PeakMiB[s] = c.Services[s].PeakMiB(t)
		total += m.CPUSeconds[s]
	}
	m.RowsPerS, m.CPU = float64(n)/m.Seconds, total/float64(n)*1e6
	m.BrokerCPU = (after["broker"].CPU - before["broker"].CPU).Seconds() / float64(n) * 1e6
	return m
}

func costs(t *testing.T, c *harness.Cluster) map[string]harness.Cost {
	t.Helper()
	all := map[string]harness.Cost{"broker": c.Dev.Cost(t)}
	for _, s := range services {
		all[s] = c.Services[s].Cost(t)
	}
	return all
}

func build(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "plain")
	cmd := exec.Command("go", "build", "-o", path, "./tests/bench/plain")
	cmd.Dir = harness.Root()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building the plain program: %v\n%s", err, out)
	}
	return path
}

var plainRuns int

// plainly runs the plain program, both stages at once, and measures both processes.
func plainly(t *testing.T, c *harness.Cluster, clevertap *counting, url, program string, n int) measure {
	t.Helper()
	plainRuns++
	topic := fmt.Sprintf("%splain-%d", c.Kafka().Prefix, plainRuns)
	cfg := c.Kafka()
	cfg.CreateTopics = true
	if err := kafka.EnsureTopics(t.Context(), cfg, kafkatest.Deps(), []schemas.TopicSpec{{Name: topic, Partitions: schemas.DefaultPartitions, Retention: time.Hour}}); err != nil {
		t.Fatal(err)
	}
	s := c.Endpoints.Snowflake
	env := append(os.Environ(),
		fmt.Sprintf("PLAIN_DSN=%s:%s@%s/?account=%s&protocol=http&warehouse=%s&loginTimeout=10", s.User, s.Password, s.URL[len("http://"):], s.Account, s.Warehouse),
		"PLAIN_QUERY="+fmt.Sprintf(query, n), "PLAIN_KAFKA="+c.Endpoints.Kafka, "PLAIN_TOPIC="+topic, "PLAIN_CLEVERTAP="+url, fmt.Sprintf("PLAIN_ROWS=%d", n))
	dev, records, uploads := c.Dev.Cost(t), clevertap.records.Load(), clevertap.uploads.Load()
	began := time.Now()
	stages := map[string]*exec.Cmd{}
	for _, stage := range []string{"extract", "load"} {
		cmd := exec.Command(program, stage)
		cmd.Env, cmd.Stderr = env, os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = cmd.Process.Kill() }() // it has ended, or the test has failed
		stages[stage] = cmd
	}
	m := measure{CPUSeconds: map[string]float64{}, PeakMiB: map[string]int{}}
	total := 0.0
	for _, stage := range []string{"extract", "load"} {
		if err := stages[stage].Wait(); err != nil {
			t.Fatalf("plain %s: %v", stage, err)
		}
		state := stages[stage].ProcessState
		m.CPUSeconds[stage] = (state.UserTime() + state.SystemTime()).Seconds()
		m.PeakMiB[stage] = harness.PeakMiBOf(state)
		total += m.CPUSeconds[stage]
	}
	m.Seconds, m.Uploads = time.Since(began).Seconds(), clevertap.uploads.Load()-uploads
	if got := clevertap.records.Load() - records; got != int64(n) {
		t.Fatalf("the plain program sent %d records of %d", got, n)
	}
	m.RowsPerS, m.CPU = float64(n)/m.Seconds, total/float64(n)*1e6
	m.BrokerCPU = (c.Dev.Cost(t).CPU - dev.CPU).Seconds() / float64(n) * 1e6
	return m
}

// printTable writes the table, and the JSON where it is asked for.
func printTable(t *testing.T, w io.Writer, f figures) {
	t.Helper()
	fmt.Fprintf(w, "%-8s  %9s  %8s  %13s  %14s  %7s\n", "program", "rows/s", "seconds", "CPU s/million", "broker+sandbox", "uploads")
	line := func(name string, m measure) {
		fmt.Fprintf(w, "%-8s  %9.0f  %8.2f  %13.1f  %14.1f  %7d  %v %v\n", name, m.RowsPerS, m.Seconds, m.CPU, m.BrokerCPU, m.Uploads, m.CPUSeconds, m.PeakMiB)
	}
	for i := range f.Tapline {
		line("tapline", f.Tapline[i])
		line("plain", f.Plain[i])
	}
	fmt.Fprintf(w, "median of %d pairs: rows/s × %.2f (%.2f to %.2f), CPU × %.2f (%.2f to %.2f); runs of 100 rows: p50 %.2f s, p99 %.2f s\n", len(f.RowsRatio),
		median(f.RowsRatio), slices.Min(f.RowsRatio), slices.Max(f.RowsRatio), median(f.CPURatio), slices.Min(f.CPURatio), slices.Max(f.CPURatio), f.LatencyP50, f.LatencyP99)
	if *output == "" {
		return
	}
	text, err := json.MarshalIndent(f, "", "  ")
	if err == nil {
		err = os.WriteFile(*output, append(text, '\n'), 0o600)
	}
	if err != nil {
		t.Error(err)
	}
}

func median(all []float64) float64 {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}
