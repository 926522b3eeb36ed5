package crash

import (
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/tests/harness"
)

func TestMain(m *testing.M) {
	code := m.Run()
	clusterTB.end()
	if clusterTB.failed {
		code = 1
	}
	harness.RemovePrograms()
	os.Exit(code)
}

// number reads a number that a target of the Makefile passes.
func number(t testing.TB, name string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s=%q is no number", name, text)
	}
	return n
}

func report(t testing.TB, seed uint64, violations []string) {
	t.Helper()
	for _, v := range violations {
		t.Errorf("seed %d: %s", seed, v)
	}
}

// seeds are the seeds that have failed once. They are run again each time.
var seeds = []uint64{1}

// TestKillsAtRandom is a short TestSoak.
func TestKillsAtRandom(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts a cluster")
	}
	length, rows := 10*time.Second, 400
	if kafkatest.Real() != "" {
		length, rows = 45*time.Second, 2000
	}
	for _, seed := range seeds {
		t.Logf("seed %d", seed)
		d := startDriver(t, seed, "", nil, rows)
		report(t, seed, d.round(t, length))
	}
}

// TestSoak kills for SOAK_MINUTES, in rounds of a minute and a half, each with a
// own seed and followed by every check.
func TestSoak(t *testing.T) {
	minutes := number(t, "SOAK_MINUTES", 0)
	if minutes == 0 {
		t.Skip("make soak MINUTES=30")
	}
	first := number(t, "SOAK_SEED", uint64(time.Now().UnixNano())%1_000_000)
	replicas := map[string]int{"scheduler": 2, "extractor": 2, "mapper": 2, "loader": 2}
	d := startDriver(t, first, t.TempDir(), replicas, 4000)
	end := time.Now().Add(time.Duration(minutes) * time.Minute)
	known := map[string]bool{} // what one round finds in the log the next finds again
	for seed := first; time.Now().Before(end); seed++ {
		t.Logf("%s: seed %d", time.Now().UTC().Format(time.TimeOnly), seed)
		d.reseed(seed)
		violations := d.round(t, 90*time.Second)
		report(t, seed, slices.DeleteFunc(slices.Clone(violations), func(v string) bool { return known[v] }))
		for _, v := range violations {
			known[v] = true
		}
	}
	t.Logf("SOAK: seeds from %d, %+v", first, d.done)
}
