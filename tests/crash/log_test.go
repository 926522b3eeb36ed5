package crash

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/schemas"
	"tapline.dev/tests/harness"
)

// journal is the content of the control topics, read once.
type journal struct {
	tallies  map[string]*tally // by run
	closed   map[string]schemas.Run
	endings  map[string]int // terminal events of a run
	states   map[string][]schemas.State
	triggers map[string]int // by run and attempt
	rejects  map[string]map[string]int
	receipts map[kafka.TP]map[int64]bool // offsets of records topics with an outcome
}

// tally sums a run's reports in another way than the scheduler does: it keeps every single
// offset.
type tally struct {
	counts   schemas.Counts
	attempts map[int]schemas.Extraction
	outcomes map[int32]map[int64]string
	finals   map[int]schemas.Final
}

func newTally() *tally {
	return &tally{attempts: map[int]schemas.Extraction{}, outcomes: map[int32]map[int64]string{}, finals: map[int]schemas.Final{}}
}

func readJournal(t testing.TB, c *harness.Cluster) *journal {
	t.Helper()
	j := &journal{
		tallies: map[string]*tally{}, closed: map[string]schemas.Run{}, endings: map[string]int{}, states: map[string][]schemas.State{},
		triggers: map[string]int{}, rejects: map[string]map[string]int{}, receipts: map[kafka.TP]map[int64]bool{},
	}
	topics := schemas.NewTopics(c.Kafka().Prefix)
	readAll(t, c, topics.Reports(), schemas.ControlPartitions, func(r *kafka.Record) { j.report(t, topics, decode[schemas.Report](t, r)) })
	readAll(t, c, topics.Runs(), schemas.ControlPartitions, func(r *kafka.Record) {
		if run := decode[schemas.Run](t, r); schemas.Terminal(run.State) && !schemas.IsTrial(run.Run) {
			j.closed[run.Run] = run
			j.endings[run.Run]++
		}
	})
	readAll(t, c, topics.State(), schemas.ControlPartitions, func(r *kafka.Record) {
		if r.Value != nil && !schemas.IsTrial(string(r.Key)) { // an edit is tried first
			s := decode[schemas.State](t, r)
			j.states[s.Import] = append(j.states[s.Import], s)
		}
	})
	readAll(t, c, topics.Triggers(), schemas.ControlPartitions, func(r *kafka.Record) {
		trigger := decode[schemas.Trigger](t, r)
		j.triggers[fmt.Sprintf("%s attempt %d", trigger.Run, trigger.Attempt)]++
	})
	readAll(t, c, topics.Rejects(), schemas.ControlPartitions, func(r *kafka.Record) {
		reject := decode[schemas.Reject](t, r)
		if j.rejects[reject.Run] == nil {
			j.rejects[reject.Run] = map[string]int{}
		}
		j.rejects[reject.Run][fmt.Sprintf("%s %s %s %d %d", reject.Stage, reject.ID, reject.Topic, reject.Partition, reject.Offset)]++
	})
	return j
}

func readAll(t testing.TB, c *harness.Cluster, topic string, partitions int32, fn func(*kafka.Record)) {
	t.Helper()
	reader, err := kafka.OpenReader(c.Kafka(), kafkatest.Deps())
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	for p := range partitions {
		_, err := reader.ReadTo(t.Context(), kafka.TP{Topic: topic, Partition: p}, 0, func(r *kafka.Record) error {
			fn(r)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func decode[T any](t testing.TB, r *kafka.Record) (v T) {
	t.Helper()
	if err := json.Unmarshal(r.Value, &v); err != nil {
		t.Fatalf("%s[%d] at %d: %v", r.Topic, r.Partition, r.Offset, err)
	}
	return v
}

func (j *journal) report(t testing.TB, topics schemas.Topics, r schemas.Report) {
	t.Helper()
	run := j.tallies[r.Run]
	if run == nil {
		run = newTally()
		j.tallies[r.Run] = run
	}
	switch {
	case r.Chunk != nil:
		run.attempts[r.Attempt] = *r.Chunk
	case r.Final != nil:
		run.attempts[r.Attempt] = r.Final.Extraction
		run.finals[r.Attempt] = *r.Final
	case r.Abandoned != nil:
		run.attempts[r.Attempt] = r.Abandoned.Extraction
	case r.Mapped != nil:
		run.counts.Mapped += r.Mapped.Mapped
		for _, n := range r.Mapped.RejectsByCode {
			run.counts.MapRejected += n
		}
		for _, n := range r.Mapped.Skipped {
			run.counts.MapSkipped += n
		}
	case r.Receipt != nil:
		tp := kafka.TP{Topic: topics.Records(r.Import), Partition: r.Receipt.Partition}
		if j.receipts[tp] == nil {
			j.receipts[tp] = map[int64]bool{}
		}
		run.receipt(r.Receipt, j.receipts[tp])
	}
}

func (run *tally) receipt(r *schemas.Receipt, all map[int64]bool) {
	outcomes := run.outcomes[r.Partition]
	if outcomes == nil {
		outcomes = map[int64]string{}
		run.outcomes[r.Partition] = outcomes
	}
	special := map[int64]string{}
	for _, o := range r.Rejected {
		special[o.Offset] = "rejected"
	}
	for _, o := range r.Skipped {
		special[o.Offset] = "skipped"
	}
	for _, span := range r.Ranges {
		for offset := span.From; offset <= span.To; offset++ {
			all[offset] = true
			if _, known := outcomes[offset]; known {
				continue
			}
			outcomes[offset] = "loaded"
			if r.SkipReason != "" {
				outcomes[offset] = "skipped"
			} else if o := special[offset]; o != "" {
				outcomes[offset] = o
			}
		}
	}
}

// sum completes the counts.
func (run *tally) sum() schemas.Counts {
	c := run.counts
	for _, e := range run.attempts {
		c.Read += e.Read
		c.Extracted += e.Extracted
		c.Unchanged += e.Unchanged
		c.StillRejected += e.StillRejected
		c.Future += e.Future
		c.ExtractRejected += e.Rejected
	}
	for _, offsets := range run.outcomes {
		for _, o := range offsets {
			switch o {
			case "loaded":
				c.Loaded++
			case "rejected":
				c.LoadRejected++
			default:
				c.LoadSkipped++
			}
		}
	}
	return c
}

// check returns the invariants that the log violates.
func (j *journal) check() (violations []string) {
	bad := func(format string, args ...any) { violations = append(violations, fmt.Sprintf(format, args...)) }
	for name, run := range j.closed {
		if j.endings[name] != 1 {
			bad("invariant 7: %s ended %d times", name, j.endings[name])
		}
		tally := j.tallies[name]
		if tally == nil {
			tally = newTally() // it was cancelled while it waited
		}
		got, want := run.Counts, tally.sum()
		want.Resent = got.Resent
		if want.Repeated = got.Repeated; got.Repeated > got.Loaded { // also of earlier runs, by the state
			bad("invariant 3: %s: %d of %d loaded events may have been stored before", name, got.Repeated, got.Loaded)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			bad("invariant 3: %s: the counts are not those of its reports (-reports +run):\n%s", name, diff)
		}
		if got.Read != got.Extracted+got.Unchanged+got.StillRejected+got.Future+got.ExtractRejected ||
			got.Extracted != got.Mapped+got.MapRejected+got.MapSkipped || got.Mapped != got.Loaded+got.LoadRejected+got.LoadSkipped {
			bad("invariant 3: %s: the counts do not add up: %+v", name, got)
		}
		if listed := int64(len(j.rejects[name])); listed != got.Rejected() {
			bad("invariant 3: %s counts %d rejects and %d are listed", name, got.Rejected(), listed)
		}
	}
	for attempt, n := range j.triggers {
		if n != 1 {
			bad("invariant 7: %s was triggered %d times", attempt, n)
		}
	}
	for name, states := range j.states {
		for _, v := range j.moves(states) {
			bad("%s: %s", name, v)
		}
	}
	return violations
}

// moves returns what is wrong in the sequence of an import's states.
func (j *journal) moves(states []schemas.State) (violations []string) {
	bad := func(format string, args ...any) { violations = append(violations, fmt.Sprintf(format, args...)) }
	for i := 1; i < len(states); i++ {
		before, after := states[i-1], states[i]
		if a, b := before.Active, after.Active; a != nil && b != nil && a.Run != b.Run && j.endings[a.Run] == 0 {
			bad("invariant 7: %s became active while %s was not over", b.Run, a.Run)
		}
		if before.Watermark == after.Watermark || before.Epoch != after.Epoch {
			continue
		}
		if before.Active == nil || after.Active != nil && after.Active.Run == before.Active.Run {
			bad("invariant 2: the watermark moved to %s and no run had closed", after.Watermark)
			continue
		}
		if after.Watermark < before.Watermark {
			bad("invariant 2: the watermark went back from %s to %s", before.Watermark, after.Watermark)
		}
		run := before.Active.Run
		if state := j.closed[run].State; state != schemas.StateSucceeded && state != schemas.StateSucceededWithRejects {
			bad("invariant 2: the watermark moved with %s, which is %q", run, state)
		}
		if j.tallies[run] == nil {
			bad("invariant 2: the watermark moved with %s, of which nothing was reported", run)
			continue
		}
		final := j.tallies[run].finals[before.Active.Attempt]
		clock, err := schemas.ParseInstant(final.Clock)
		mark, err2 := schemas.ParseInstant(after.Watermark)
		if err != nil || err2 != nil || mark.After(clock.Add(-final.Lookback.Std())) {
			bad("invariant 2: the watermark %s of %s is past its clock %s less the lookback %s", after.Watermark, run, final.Clock, final.Lookback.Std())
		}
	}
	return violations
}
