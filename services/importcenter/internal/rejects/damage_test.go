package rejects

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/schemas"
)

// garbage writes random bytes over a file, from an offset on.
func garbage(t *testing.T, path string, from int64) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	garbageBetween(t, path, from, info.Size())
}

// garbagePages writes random bytes over n pages of a file.
func garbagePages(t *testing.T, path string, first, n int) {
	t.Helper()
	page := os.Getpagesize()
	garbageBetween(t, path, int64(first*page), int64((first+n)*page))
}

func garbageBetween(t *testing.T, path string, from, to int64) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	random := rand.New(rand.NewPCG(5, 5))
	bytes := make([]byte, to-from)
	for i := range bytes {
		bytes[i] = byte(random.Uint32())
	}
	if _, err := file.WriteAt(bytes, from); err != nil {
		t.Fatal(err)
	}
}

// asked asks an index for counts all the time until it is stopped. An answer that says it is
// complete must not be less than what was written before the question.
func (w *world) asked(x *replica, written int64) (stop func()) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	var asking sync.WaitGroup
	for range 3 {
		asking.Go(func() {
			for ctx.Err() == nil {
				all, how, err := x.CountBy(ctx, Selection{}, ByCode)
				switch {
				case err != nil && !errors.Is(err, ErrUnavailable) && ctx.Err() == nil:
					w.t.Errorf("an answer failed: %v", err)
				case err == nil && how.Complete && total(all) < written:
					w.t.Errorf("an answer that says it is complete counts %d rejects of %d", total(all), written)
				}
				n := int64(0)
				how, err = x.EachItem(ctx, Selection{Import: "customers"}, func(Item) error { n++; return nil })
				if want := int64(len(w.written[schemas.ControlPartition("customers")])); err == nil && how.Complete && n > want {
					w.t.Errorf("%d rejects of an import whose partition holds %d", n, want)
				}
			}
		})
	}
	return func() {
		cancel()
		asking.Wait()
	}
}

// TestADamagedFile: whatever becomes of the file while Import Center is away, or while it
// reads and writes it, nothing ends the process or hangs, no answer is wrong and says that it is
// complete, and the index is made anew.
func TestADamagedFile(t *testing.T) {
	t.Parallel()
	head := int64(2 * os.Getpagesize())
	for name, damage := range map[string]func(t *testing.T, path string){
		"garbage":                    func(t *testing.T, path string) { garbage(t, path, 0) },
		"garbage in its first page":  func(t *testing.T, path string) { garbagePages(t, path, 0, 1) },
		"garbage in its second page": func(t *testing.T, path string) { garbagePages(t, path, 1, 1) },
		"garbage in its head":        func(t *testing.T, path string) { garbagePages(t, path, 0, 2) },
		"garbage behind its head":    func(t *testing.T, path string) { garbage(t, path, head) },
		"garbage in its newest half": func(t *testing.T, path string) { garbage(t, path, half(t, path)) },
		"cut off":                    func(t *testing.T, path string) { truncate(t, path, head) },
		"cut off in its head":        func(t *testing.T, path string) { truncate(t, path, 100) },
		"empty":                      func(t *testing.T, path string) { truncate(t, path, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 3)
			dir := t.TempDir()
			path := filepath.Join(dir, storeFile)
			w.writeAll(3000)
			x := w.index(dir)
			w.settle(x)
			x.stop()
			damage(t, path)
			x = w.index(dir)
			w.settle(x)
			w.check(x)
			stop := w.asked(x, 3000)
			damage(t, path)
			w.settle(x) // the counts are right, or it has noticed
			stop()
			w.writeAll(500)
			w.settle(x)
			w.check(x)
		})
	}
}

func truncate(t *testing.T, path string, size int64) {
	t.Helper()
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
}

func half(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size() / 2 / 4096 * 4096
}

// writeAll writes n rejects that are all committed.
func (w *world) writeAll(n int) {
	w.t.Helper()
	for before := w.count(); w.count() < before+n; {
		w.write(min(200, before+n-w.count()))
	}
}

func (w *world) count() (n int) {
	for _, items := range w.written {
		n += len(items)
	}
	return n
}

// TestATopicThatIsMadeAnew: rejects of a topic that was deleted are forgotten, also if the new
// one has as many, while the index is used and while nobody runs.
func TestATopicThatIsMadeAnew(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 4)
	dir := t.TempDir()
	x := w.index(dir)
	for _, away := range []bool{false, true} {
		w.writeAll(300)
		w.settle(x)
		if away {
			x.stop()
		}
		if err := kafka.DeleteTopics(t.Context(), w.cfg, kafkatest.Deps(), w.topics.Rejects()); err != nil {
			t.Fatal(err)
		}
		w.makeTopic()
		w.producer.Close() // it knows the topic that is gone
		var err error
		if w.producer, err = kafka.OpenProducer(w.cfg, kafkatest.Deps()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(w.producer.Close)
		clear(w.written)
		w.writeAll(400)
		if away {
			x = w.index(dir)
		}
		deadline := time.Now().Add(30 * time.Second)
		for { // clients learn of the new topic in their own time, and say until then that there is none
			all, how, err := x.CountBy(t.Context(), Selection{})
			if err == nil && how.Complete && total(all) == 400 {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%d rejects of 400, %+v, %v", total(all), how, err)
			}
			time.Sleep(5 * time.Millisecond)
		}
		w.check(x)
	}
}

// TestAFullDisk runs in a process of its own, whose files may not grow: the index answers from
// what it holds and says why it is not complete, and goes on once there is room.
func TestAFullDisk(t *testing.T) {
	const child = "TAPLINE_TEST_FULL_DISK"
	if os.Getenv(child) == "" {
		t.Parallel()
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestAFullDisk$", "-test.v")
		cmd.Env = append(os.Environ(), child+"=1")
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: TestAFullDisk") {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	signal.Ignore(syscall.SIGXFSZ) // a write beyond the limit is an error then
	w := newWorld(t, 6)
	dir := t.TempDir()
	x := w.index(dir)
	w.writeAll(500)
	w.settle(x)
	info, err := os.Stat(filepath.Join(dir, storeFile))
	if err != nil {
		t.Fatal(err)
	}
	var room syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &room); err != nil {
		t.Fatal(err)
	}
	full := room
	full.Cur = uint64(info.Size()) //nolint:gosec // not negative
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &full); err != nil {
		t.Fatal(err)
	}
	w.writeAll(40_000)
	deadline := time.Now().Add(time.Minute)
	for {
		all, how, err := x.CountBy(t.Context(), Selection{}, ByCode)
		if err != nil {
			t.Fatalf("no answer while the disk is full: %v", err)
		}
		if !how.Complete && strings.Contains(how.Why, "too large") {
			if n := total(all); n < 500 || n >= int64(w.count()) || how.Share >= 1 {
				t.Fatalf("%d rejects of %d, share %v", n, w.count(), how.Share)
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the disk is full, and the answer is %+v, %d rejects", how, total(all))
		}
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &room); err != nil {
		t.Fatal(err)
	}
	w.settle(x)
	w.check(x)
}
