package rejects

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"tapline.dev/domain/control"
	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

var (
	atSize     = flag.Int("rejects", 0, "how many rejects make bench-rejects writes")
	sizeBudget = time.Second // of one question
)

const (
	sizeImports, sizeRuns, sizeCodes = 10, 10, 50
	sizeBatch                        = 10_000
	rareCode                         = "code_0" // of one reject only, the first
	buildLimit                       = 2 * time.Hour
)

// TestRejectsAtSize writes many rejects of fifty codes in a hundred runs through the
// topic, builds the index from it, and compares counts with those of the generator. It
// prints how long the build and each question take, and does it again while the file is
// deleted and a second Import Center builds its own.
func TestRejectsAtSize(t *testing.T) {
	if *atSize == 0 {
		t.Skip("make bench-rejects runs it")
	}
	w := newWorld(t, 1)
	byCode, byRun := w.writeMany(*atSize)
	dir := t.TempDir()
	t.Logf("%d rejects are in the topic; memory %d MiB", *atSize, memory(t))
	x := w.index(dir)
	built := w.built(x)
	file, err := os.Stat(filepath.Join(dir, storeFile))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d rejects: built in %s, %.0f a second; file %d MiB, %.1f bytes a reject", *atSize, built.Round(time.Millisecond), float64(*atSize)/built.Seconds(), file.Size()>>20, float64(file.Size())/float64(*atSize))

	w.countsAre(x, byCode, byRun)
	w.within("groups of an import by code, column and shape", func() {
		if _, _, err := x.CountBy(t.Context(), Selection{Import: "import-1"}, ByCode, ByColumn, ByShape); err != nil {
			t.Error(err)
		}
	})
	page := func(name string, s Selection, oldest bool, limit, want int) {
		w.within(name, func() {
			items, _, _, err := x.Page(t.Context(), s, oldest, -1, limit)
			if err != nil || len(items) != want {
				t.Errorf("%s: %d rejects, want %d, %v", name, len(items), want, err)
			}
		})
	}
	page("the newest page of an import", Selection{Import: "import-1"}, false, 100, 100)
	page("the oldest page of a run", Selection{Import: "import-1", Run: "import-1.3"}, true, 100, 100)
	page("the only one of its code", Selection{Import: "import-0", Code: rareCode}, false, 100, 1)
	page("a page of one code in one run", Selection{Import: "import-2", Run: "import-2.7", Code: "code_17"}, false, 3, 3)
	w.deletedUnderQuestions(x, filepath.Join(dir, storeFile), byCode, byRun)
}

// built waits until an index is complete, and returns how long that took. It prints how much
// memory the process has used at most meanwhile.
func (w *world) built(x *replica) time.Duration {
	w.t.Helper()
	began, most := time.Now(), int64(0)
	for {
		_, how, err := x.CountBy(w.t.Context(), Selection{})
		if most = max(most, memory(w.t)); err == nil && how.Complete {
			break
		}
		if time.Since(began) > buildLimit {
			w.t.Fatalf("the index is not complete: %+v, %v", how, err)
		}
		time.Sleep(200 * time.Millisecond) // the build is what is measured, and nothing tells its end
	}
	took := time.Since(began)
	w.t.Logf("built in %s; memory at most %d MiB", took.Round(time.Millisecond), most)
	return took
}

// countsAre compares the counts of an index with those of the generator.
func (w *world) countsAre(x *replica, byCode, byRun map[string]int64) {
	w.t.Helper()
	counts := func(by By) map[string]int64 {
		groups, _, err := x.CountBy(w.t.Context(), Selection{}, by)
		if err != nil {
			w.t.Fatal(err)
		}
		got := map[string]int64{}
		for _, g := range groups {
			got[g.Code+g.Run] += g.Count
		}
		return got
	}
	w.within("counts by code", func() {
		if diff := gocmp.Diff(byCode, counts(ByCode)); diff != "" {
			w.t.Errorf("counts by code (-want +got):\n%s", diff)
		}
	})
	w.within("counts by run", func() {
		if diff := gocmp.Diff(byRun, counts(ByRun)); diff != "" {
			w.t.Errorf("counts by run (-want +got):\n%s", diff)
		}
	})
}

// deletedUnderQuestions deletes the file of an index while questions are asked, and has a
// second Import Center build an index of its own meanwhile. No answer that says it is
// complete may count less than there is, and in the end both agree with the generator.
func (w *world) deletedUnderQuestions(x *replica, file string, byCode, byRun map[string]int64) {
	w.t.Helper()
	ctx, stop := context.WithCancel(w.t.Context())
	asked := make(chan int)
	go func() {
		n := 0
		for ; ctx.Err() == nil; n++ {
			all, how, err := x.CountBy(ctx, Selection{}, ByCode)
			if err == nil && how.Complete && total(all) < int64(*atSize) {
				w.t.Errorf("an answer that says it is complete counts %d", total(all))
			}
			time.Sleep(100 * time.Millisecond) // so that the questions do not take the time that the build needs
		}
		asked <- n
	}()
	if err := os.Remove(file); err != nil {
		w.t.Fatal(err)
	}
	began := time.Now()
	for { // until it has noticed
		_, how, err := x.CountBy(w.t.Context(), Selection{})
		if err != nil || !how.Complete {
			break
		}
		time.Sleep(100 * time.Millisecond) // nothing tells that the file is missed
	}
	second := w.index(w.t.TempDir())
	w.built(x)
	w.t.Logf("the deleted index is built again %s after that", time.Since(began).Round(time.Millisecond))
	w.built(second)
	stop()
	w.t.Logf("%d questions were asked meanwhile", <-asked)
	w.countsAre(x, byCode, byRun)
	w.countsAre(second, byCode, byRun)
}

// memory is how many MiB the process holds that are no file's; 0 where the system does not
// tell. The embedded broker is part of the process.
func memory(t *testing.T) int64 {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "RssAnon:")
	text, _, _ := strings.Cut(rest, "kB")
	kib, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil {
		return 0
	}
	return kib >> 10
}

// within prints how long a question takes, and wants it within the budget.
func (w *world) within(name string, ask func()) {
	w.t.Helper()
	began := time.Now()
	ask()
	took := time.Since(began)
	w.t.Logf("%-50s %s", name, took.Round(10*time.Microsecond))
	if took > sizeBudget {
		w.t.Errorf("%s took %s", name, took)
	}
}

// writeMany writes n rejects, and returns how many there are of each code and run.
func (w *world) writeMany(n int) (byCode, byRun map[string]int64) {
	w.t.Helper()
	byCode, byRun = map[string]int64{}, map[string]int64{}
	random := rand.New(rand.NewPCG(7, 7))
	records := make([]*kafka.Record, 0, sizeBatch)
	for i := range n {
		name, number, code := fmt.Sprint("import-", random.IntN(sizeImports)), 1+random.IntN(sizeRuns), fmt.Sprint("code_", 1+random.IntN(sizeCodes-1))
		if i == 0 {
			name, code = "import-0", rareCode
		}
		r := schemas.Reject{
			Stage: schemas.StageMap, Class: "data", Code: code, Column: "EMAIL", Property: "Email", Reason: "the value does not fit", Import: name,
			Run: schemas.RunOf(name, number), Attempt: 1, ID: fmt.Sprintf("%d.1.%d", number, i), Partition: -1, Offset: -1,
			Row: []byte(fmt.Sprintf(`{"ID":%d,"EMAIL":"%012d"}`, i, i)), Time: epochStart.Add(time.Duration(i) * 200 * time.Millisecond),
		}
		byCode[r.Code]++
		byRun[r.Run]++
		rec, err := control.Reject(w.topics.Rejects(), r, "mapper")
		if err != nil {
			w.t.Fatal(err)
		}
		if records = append(records, rec); len(records) == sizeBatch || i == n-1 {
			if err := w.producer.Produce(w.t.Context(), records...); err != nil {
				w.t.Fatal(err)
			}
			records = records[:0]
		}
	}
	return byCode, byRun
}
