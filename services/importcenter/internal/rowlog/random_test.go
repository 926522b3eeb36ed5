package rowlog_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/rowlog"
)

// person is a row of a person in a run, as the generator has decided it.
type person struct {
	name, id        string
	number, attempt int
	row, record     int64
	want            string
}

// TestEveryPersonOfRandomRunsIsExplained: runs whose loader is killed at random and takes
// up again, whose attempts are abandoned, with uploads of random size. What is told of
// each of 200 people, and of each row of each run, is what the generator has decided.
func TestEveryPersonOfRandomRunsIsExplained(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 17))
	w := newWorld(t)
	want := map[string][]string{}
	var runs []schemas.Run
	count := 3
	if raced {
		count = 1
	}
	for number := 1; number <= count; number++ {
		run := w.run(number)
		run.StartedAt = time.Now().UTC()
		runs = append(runs, run)
		attempts := 1 + random.IntN(2)
		for attempt := 1; attempt <= attempts; attempt++ {
			for _, p := range w.randomAttempt(random, number, attempt, attempt < attempts) {
				want[p.name] = append(want[p.name], p.id+" "+p.want)
			}
		}
	}
	for name, rows := range want {
		var got []string
		for _, r := range ask(t, w, name).Rows {
			got = append(got, r.ID+" "+r.Result+" "+r.Stage+" "+r.Code)
		}
		if diff := cmp.Diff(rows, got); diff != "" {
			t.Errorf("seed %d: %s (-want +got):\n%s", seed, name, diff)
		}
	}
	told := map[string][]string{}
	for _, run := range runs {
		q := rowlog.Query{Run: run, Spec: spec(), Rule: rule(t), Partitions: partitions, Batch: 1 + random.IntN(50)}
		_, _, err := rowlog.Walk(t.Context(), w, w.topics, q, func(r rowlog.Row) error {
			told[r.Identity] = append(told[r.Identity], r.ID+" "+r.Result+" "+r.Stage+" "+r.Code)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, lists := range []map[string][]string{want, told} {
		for _, list := range lists {
			slices.Sort(list)
		}
	}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("seed %d: rows of the runs (-want +got):\n%s", seed, diff)
	}
}

// randomAttempt writes what the stages write in an attempt of a run.
func (w *world) randomAttempt(random *rand.Rand, number, attempt int, abandoned bool) (people []*person) {
	byPartition := map[int32][]*person{}
	for i := range 200 {
		if random.IntN(4) == 0 {
			continue
		}
		p := &person{name: fmt.Sprintf("person %d", i), number: number, attempt: attempt}
		p.id = schemas.RowID{Number: number, Attempt: attempt, Seq: int64(i + 1)}.String()
		people = append(people, p)
		w.randomRow(random, p, abandoned)
		if p.record >= 0 {
			byPartition[at(p.name)] = append(byPartition[at(p.name)], p)
		}
	}
	for partition, records := range byPartition {
		for upload := 0; len(records) > 0; upload++ {
			n := min(1+random.IntN(20), len(records))
			w.randomUpload(random, fmt.Sprintf("%d.%d.%d.%d", number, attempt, partition, upload), partition, records[:n])
			records = records[n:]
		}
	}
	return people
}

// randomRow writes a row and what the mapper made of it.
func (w *world) randomRow(random *rand.Rand, p *person, abandoned bool) {
	p.record = -1
	if random.IntN(10) == 0 {
		p.want = "rejected extract value_unreadable"
		w.reject(p.number, schemas.Reject{Stage: schemas.StageExtract, Code: "value_unreadable", Attempt: p.attempt, ID: p.id, Row: raw(fmt.Sprintf(`{"ID":%q}`, p.name))})
		return
	}
	p.row = w.row(p.name, p.id)
	m := schemas.Mapped{Partition: at(p.name), From: p.row, To: p.row}
	switch {
	case abandoned && random.IntN(3) == 0:
		p.want = "skipped map closed"
		m.Skipped = map[string]int64{schemas.SkipClosed: 1}
	case random.IntN(6) == 0:
		p.want = "rejected map email_invalid"
		m.RejectsByCode = map[string]int64{"email_invalid": 1}
		w.reject(p.number, schemas.Reject{
			Stage: schemas.StageMap, Code: "email_invalid", Attempt: p.attempt, ID: p.id, Partition: at(p.name), Offset: p.row, Row: raw(fmt.Sprintf(`{"ID":%q}`, p.name)),
		})
	default:
		p.record = w.record(p.name, p.id)
		m.Mapped = 1
	}
	w.mapped(p.number, p.attempt, m)
}

// randomUpload writes an upload of records, which a killed loader may have begun before,
// and whose receipt an older owner may write once more, with other results.
func (w *world) randomUpload(random *rand.Rand, name string, partition int32, records []*person) {
	number, attempt := records[0].number, records[0].attempt
	r := schemas.Receipt{Upload: name, Partition: partition, Records: len(records), Status: 200}
	for _, p := range records {
		r.Ranges = append(r.Ranges, only(p.record)...)
		p.want = "loaded  "
		switch random.IntN(6) {
		case 0:
			p.want = "rejected load clevertap_516"
			r.Rejected = append(r.Rejected, schemas.OffsetOutcome{Offset: p.record, Code: "clevertap_516"})
		case 1:
			p.want = "skipped load superseded"
			r.Skipped = append(r.Skipped, schemas.OffsetOutcome{Offset: p.record, Code: schemas.SkipSuperseded})
		}
		if killed := random.IntN(8) == 0; killed || p.want == "rejected load clevertap_516" {
			w.reject(number, schemas.Reject{Stage: schemas.StageLoad, Code: "clevertap_516", Reason: "no", Attempt: attempt, ID: p.id, Partition: partition, Offset: p.record})
		}
	}
	if random.IntN(3) == 0 {
		w.intent(number, attempt, schemas.Intent{Upload: name + "-killed", Partition: partition, Ranges: r.Ranges, Records: len(records), Try: 1})
	}
	w.intent(number, attempt, schemas.Intent{Upload: name, Partition: partition, Ranges: r.Ranges, Records: len(records), Try: 1})
	w.receipt(number, attempt, r)
	if random.IntN(4) == 0 {
		w.receipt(number, attempt, schemas.Receipt{Upload: name + "-late", Partition: partition, Ranges: r.Ranges, Records: len(records), Status: 200})
	}
}
