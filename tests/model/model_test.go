package model

import (
	"flag"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"

	"tapline.dev/libs/kafka/kafkatest"
)

// worldSize is how many histories share a pipeline, and worldsAtOnce how many
// pipelines run beside each other: they mostly wait.
const (
	worldSize    = 20
	worldsAtOnce = 15
	// lostShare is how many answers of Kafka arrive for each that is lost.
	lostShare = 20
)

var (
	seeds  = flag.Int("model.seeds", histories, "histories of the model test")
	from   = flag.Uint64("model.from", 0, "seed of the first history")
	logDir = flag.String("model.logs", "", "directory for what the services log")
	forced = flag.String("model.trouble", "", "the trouble of every world, in place of the one that its seeds give: "+fmt.Sprint(slices.Sorted(maps.Keys(troubles))))
	hunt   = flag.Bool("model.until-failure", false, "one world after the other, and none after one that fails")
)

// troubles are the faults of a world, by their name in -model.trouble.
var troubles = map[string]trouble{
	"calm": {}, "crashes": {crashes: true}, "losses": {crashes: true, losses: true}, "answers": {answers: true},
}

// troubleOf returns the faults in the world of a seed.
func troubleOf(seed uint64) trouble {
	if *forced != "" {
		return troubles[*forced]
	}
	switch seed / worldSize % 4 {
	case 1:
		return trouble{crashes: true}
	case 2:
		return trouble{crashes: true, losses: true}
	case 3:
		return trouble{answers: true}
	}
	return trouble{}
}

// TestHistories runs histories. A failure names its seed; -model.from and
// -model.seeds choose others.
func TestHistories(t *testing.T) {
	t.Logf("seeds %d to %d", *from, *from+uint64(*seeds)-1)
	if _, ok := troubles[*forced]; *forced != "" && !ok {
		t.Fatalf("-model.trouble: there is no trouble %q", *forced)
	}
	atOnce := worldsAtOnce
	if *hunt {
		atOnce = 1
	}
	places := make(chan struct{}, atOnce)
	var worlds sync.WaitGroup
	end := *from + uint64(*seeds)
	for first := *from; first < end; first = nextWorld(first) {
		places <- struct{}{}
		if *hunt && t.Failed() {
			break
		}
		worlds.Go(func() {
			defer func() { <-places }()
			next := min(end, nextWorld(first))
			t.Run(fmt.Sprintf("seeds %d to %d", first, next-1), func(t *testing.T) { pass(t, troubleOf(first), first, next) })
		})
	}
	worlds.Wait()
}

func nextWorld(seed uint64) uint64 { return (seed/worldSize + 1) * worldSize }

// pass runs the histories of the seeds from first to before next in one world.
func pass(t *testing.T, trouble trouble, first, next uint64) {
	w := newWorld(t, trouble)
	if trouble.answers {
		w.answers = kafkatest.NewLostAnswers(first, lostShare)
	}
	for seed := first; seed < next; seed++ {
		w.add(newHistory(w, seed))
	}
	w.run(first)
	if t.Failed() {
		return
	}
	runs := 0
	for _, h := range w.histories {
		runs += len(h.runs)
	}
	t.Logf("%s: %d histories, %d runs", trouble, len(w.histories), runs)
	if w.answers == nil {
		return
	}
	lost := w.answers.Lost()
	t.Logf("answers lost: %v", lost)
	for _, request := range []string{"Produce", "EndTxn"} {
		if lost[request] == 0 && next-first == worldSize {
			t.Errorf("no answer to %s was lost", request)
		}
	}
}
