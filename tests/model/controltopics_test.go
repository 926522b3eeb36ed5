package model

import (
	"encoding/json"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/schemas"
)

// TestControlTopicsMadeAnew: reports, commands, rejects, triggers and columns are deleted and
// created again at random moments, while all services run or while one is stopped, offsets are
// set ahead, and back within the same run, and imports run, are cancelled, have records rejected and replay them. Every run must end, and
// in the end every person and event must be at CleverTap, versions in their order.
func TestControlTopicsMadeAnew(t *testing.T) {
	// What disturbs the imports beside it.
	kinds := named(t, disturbances(),
		refusedForGood, "refused for good and cancelled", "replay", "replay of one code", "replay as sent", "replay cancelled",
		"cancel in flight", "backfill", "mapping edited within a run", "written during the run")
	eachDisturbedWorld(t, func(t *testing.T, first uint64) { controlTopicWorld(t, first, kinds) })
}

func controlTopicWorld(t *testing.T, first uint64, kinds []disturbance) {
	w := newWorld(t, trouble{})
	w.beDisturbed()
	var scenarios []*scenario
	for seed := first; seed < first+scenariosPerWorld; seed++ {
		s := newScenario(w, seed)
		s.more = 2
		// A run whose reports are lost ends at its deadline.
		s.spec.Limits.Deadline = schemas.Duration(shortDeadline)
		s.mayEnd["no_progress"], s.mayRepeat, s.reportsGone = true, true, true
		s.mayEnd["count_mismatch"] = true
		// An extractor, a mapper or a loader does not know what was done of a run.
		s.mayEnd["topic_recreated"], s.mayEnd["rows_left"] = true, true
		scenarios = append(scenarios, s)
		s.create()
	}
	w.lives = w.startAll()
	var passing, beside sync.WaitGroup
	for _, s := range scenarios {
		passing.Go(func() {
			s.disturbRuns(func(rng *rand.Rand) []disturbance { return draw(rng, kinds, false) })
		})
	}
	over := make(chan struct{})
	beside.Go(func() { w.remakeControlTopics(rand.New(rand.NewPCG(first, 37)), scenarios, over) })
	passing.Wait()
	close(over)
	beside.Wait()
	for _, s := range scenarios {
		passing.Go(s.settle)
	}
	passing.Wait()
	w.stopAll(w.lives)
}

// remakeControlTopics deletes and creates control topics while runs are under way.
func (w *world) remakeControlTopics(rng *rand.Rand, scenarios []*scenario, over <-chan struct{}) {
	remade := map[string]int{}
	for w.board.pass(rng.IntN(4), over) && !w.broken() {
		time.Sleep(time.Duration(rng.IntN(300)) * time.Millisecond)
		stopped := []string{"", "scheduler", "loader", "extractor"}[rng.IntN(4)]
		switch rng.IntN(6) {
		case 0:
			w.remakeCommands(stopped)
			remade["commands"]++
		case 1:
			w.whileStopped(stopped, w.loseReports)
			remade["reports"]++
		case 3:
			topic := []string{w.topics.Triggers(), w.topics.Columns()}[rng.IntN(2)]
			w.whileStopped(stopped, func() { w.remake(topic) })
			remade["triggers or columns"]++
		case 2:
			// Rows or records that are passed over have no outcome.
			w.moveOffsets([]string{"mapper", "loader"}[rng.IntN(2)], 1+rng.Int64N(20))
			remade["offsets set ahead"]++
		case 4:
			w.moveOffsetsAheadAndBack([]string{"mapper", "loader"}[rng.IntN(2)], 1+rng.Int64N(10), rng.Int64N(5), over)
			remade["offsets set ahead and back"]++
		default:
			w.remakeRejects(scenarios)
			remade["rejects"]++
		}
	}
	w.t.Logf("made anew: %v", remade)
}

// moveOffsetsAheadAndBack sets a group's offsets ahead, and once more has passed, back by as
// much and some more: what lies between is read after what came later.
func (w *world) moveOffsetsAheadAndBack(group string, by, more int64, over <-chan struct{}) {
	w.moveOffsets(group, by)
	w.board.pass(1, over)
	w.moveOffsets(group, -2*by-more)
}

// whileStopped calls fn while a service is stopped, or while all run.
func (w *world) whileStopped(service string, fn func()) {
	if service == "" {
		fn()
		return
	}
	w.restart(service, fn)
}

func (w *world) remake(topic string) {
	ctx := w.t.Context()
	if err := kafka.DeleteTopics(ctx, w.kafka, kafkatest.Deps(), topic); err != nil {
		w.t.Errorf("deleting a control topic: %v", err)
	}
	if err := kafka.EnsureTopics(ctx, w.kafka, kafkatest.Deps(), w.topics.Catalogue()); err != nil {
		w.t.Errorf("creating a control topic again: %v", err)
	}
}

// remakeCommands makes the commands topic anew once all that was asked for has been read:
// a command that nobody has read is lost with its topic, and nobody promises otherwise.
func (w *world) remakeCommands(stopped string) {
	w.commands.Lock()
	defer w.commands.Unlock()
	began := processPace.now()
	for p := range int32(schemas.ControlPartitions) {
		for !w.commandsRead(p) {
			if processPace.now()-began > patience || w.broken() {
				w.report("the commands", "are not read")
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	w.whileStopped(stopped, func() { w.remake(w.topics.Commands()) })
}

// commandsRead reports whether the scheduler has read all commands of a control partition.
func (w *world) commandsRead(p int32) bool {
	ctx := w.t.Context()
	id, err := w.reader.TopicID(ctx, w.topics.Commands())
	end := int64(0)
	if err == nil {
		end, err = w.reader.EndOffset(ctx, kafka.TP{Topic: w.topics.Commands(), Partition: p})
	}
	var at schemas.Position
	if err == nil {
		_, err = w.reader.ReadTo(ctx, kafka.TP{Topic: w.topics.Fold(), Partition: p}, 0, func(r *kafka.Record) error {
			if string(r.Key) != schemas.PositionKey(p) {
				return nil
			}
			at = schemas.Position{}
			return json.Unmarshal(r.Value, &at)
		})
	}
	if err != nil {
		w.t.Errorf("looking for commands: %v", err)
		return true
	}
	return end == 0 || at.CommandsTopic == id && at.Commands >= end
}

// remakeRejects makes the rejects topic anew. What it held is kept: CleverTap need not hold
// what was rejected. Whoever writes rejects is stopped meanwhile.
func (w *world) remakeRejects(scenarios []*scenario) {
	w.livesMu.Lock()
	defer w.livesMu.Unlock()
	writers := []string{"extractor", "mapper", "loader"}
	for _, name := range writers {
		w.lives[name].cancel()
		<-w.lives[name].done
	}
	for _, s := range scenarios {
		rejects, ok := s.refusals()
		if !ok {
			return
		}
		s.mu.Lock()
		for _, f := range rejects {
			s.rejectsGone[f.content] = true
		}
		s.mu.Unlock()
	}
	w.remake(w.topics.Rejects())
	for _, name := range writers {
		w.lives[name] = w.start(name)
	}
}
