package crash

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/schemas"
	"tapline.dev/tests/harness"
)

// TestAFullDiskOfKafka: the broker's disk is full in the middle of the load, so that
// it ends itself. Once there is room and it runs again, everything continues: nothing is lost,
// nothing is rejected, and no more is sent twice than what was in flight.
func TestAFullDiskOfKafka(t *testing.T) {
	onRealServers(t)
	disk := smallDisk(t, "size=400m")
	d := startDriver(t, 11, disk, nil, 3000)
	runs := d.busy(t)
	ballast := filepath.Join(disk, "ballast")
	fill(t, ballast)
	harness.Eventually(t, 2*time.Minute, "the broker has ended itself", func() bool {
		fill(t, ballast)
		return !d.kafka.Running()
	})
	d.done.Brokers++
	d.done.Uncertain += slots
	d.pause(t, 10*time.Second) // longer than the session
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if err := d.kafka.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.c.Faults(t, `{"faults":[]}`)
	for _, run := range runs {
		r := d.c.Close(t, run, 3*time.Minute)
		if r.Counts.LoadRejected != 0 || r.State != schemas.StateSucceeded && r.State != schemas.StateSucceededWithRejects {
			t.Errorf("%s is %s and %d records were rejected by a full disk", run, r.State, r.Counts.LoadRejected)
		}
	}
	expectNone(t, d.settle(t))
}

// smallDisk returns a folder with its own small file system.
func smallDisk(t *testing.T, options string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		t.Skipf("it may not mount a small file system: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmounting: %v", err)
		}
	})
	return dir
}

// fill writes to a file until the disk is full.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		if errors.Is(err, syscall.ENOSPC) {
			return
		}
		t.Fatal(err)
	}
	defer f.Close()
	for block := make([]byte, 64<<10); ; {
		if _, err := f.Write(block); errors.Is(err, syscall.ENOSPC) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// TestADamagedBatchOfRows: a bit of the rows topic flips on the broker's disk. The
// import waits and the log says for what; others continue. Once the records up to the
// damage are deleted, the run ends by its deadline and the next one reads everything
// again.
func TestADamagedBatchOfRows(t *testing.T) {
	onRealServers(t)
	dir := t.TempDir()
	d := startDriver(t, 12, dir, nil, 600)
	s := newSource(t, d.w, "damaged", false, 600)
	d.sources = append(d.sources, s)
	d.c.ApplyText(t, strings.Replace(s.definition(), "spec:\n", "spec:\n  limits: {deadline: 20s}\n", 1))
	d.c.Services["mapper"].Kill()
	d.lost("mapper")
	run := d.c.Trigger(t, s.name)
	d.c.Await(t, run, time.Minute, "everything is read", func(r schemas.Run) bool { return r.Counts.Extracted == 600 })
	d.kafka.Stop()
	damage(t, dir, schemas.NewTopics(d.c.Kafka().Prefix).Rows(s.name)+"-0")
	if err := d.kafka.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.c.Services["mapper"].Start(t)
	other := d.c.Close(t, d.trigger(t, d.sources[0]), 2*time.Minute)
	if other.State != schemas.StateSucceeded && other.State != schemas.StateSucceededWithRejects {
		t.Errorf("beside a damaged topic %s is %s: %+v", other.Run, other.State, other.Error)
	}
	harness.Eventually(t, time.Minute, "the mapper says what is damaged", func() bool {
		return strings.Contains(d.c.Services["mapper"].Log(), "the rows topic of an import cannot be read")
	})
	truncateRows(t, d.c, s.name)
	lost := d.c.Close(t, run, 3*time.Minute)
	if lost.State != schemas.StateFailed || lost.WatermarkTo != "" {
		t.Errorf("after its rows were damaged the run is %s with the watermark %q: %+v", lost.State, lost.WatermarkTo, lost.Error)
	}
	for _, s := range d.sources { // also those that have not run yet
		if r := d.c.Close(t, d.trigger(t, s), 2*time.Minute); r.State != schemas.StateSucceededWithRejects && r.State != schemas.StateSucceeded {
			t.Errorf("after the damage is gone %s is %s: %+v", r.Run, r.State, r.Error)
		}
	}
	_, violations := checkDestination(t, d.c, d.sources)
	expectNone(t, violations)
}

// damage flips a bit in the middle of a partition's newest segment.
func damage(t *testing.T, dir, partition string) {
	t.Helper()
	segments, err := filepath.Glob(filepath.Join(dir, "*", partition, "*.log"))
	if err == nil && len(segments) == 0 {
		segments, err = filepath.Glob(filepath.Join(dir, partition, "*.log"))
	}
	if err != nil || len(segments) == 0 {
		t.Fatalf("there is no segment of %s: %v", partition, err)
	}
	text, err := os.ReadFile(segments[len(segments)-1])
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.LastIndex(text, []byte("example.com"))
	if at < 0 {
		at = len(text) / 2
	}
	text[at] ^= 1
	if err := os.WriteFile(segments[len(segments)-1], text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// truncateRows deletes all rows of an import, as an operator does to get past damage.
func truncateRows(t *testing.T, c *harness.Cluster, name string) {
	t.Helper()
	topic := schemas.NewTopics(c.Kafka().Prefix).Rows(name)
	reader, err := kafka.OpenReader(c.Kafka(), kafkatest.Deps())
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	below := map[kafka.TP]int64{}
	for p := range int32(3) {
		tp := kafka.TP{Topic: topic, Partition: p}
		if below[tp], err = reader.EndOffset(t.Context(), tp); err != nil {
			t.Fatal(err)
		}
	}
	if err := kafka.Truncate(t.Context(), c.Kafka(), kafkatest.Deps(), below); err != nil {
		t.Fatal(err)
	}
}
