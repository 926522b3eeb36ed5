package model

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/schemas"
)

const (
	// scenariosPerWorld share a pipeline, with one import beside them that nothing
	// disturbs.
	scenariosPerWorld = 6
	disturbedAtOnce   = 6
	// bystanderBound is how long a run of that import may take.
	bystanderBound = time.Minute // by processPace
)

var disturb = flag.String("model.disturb", "", "make only the disturbances whose names contain one of these, separated by commas, also those that the tree is known not to stand")

// TestDisturbedHistories disturbs imports by people, Kafka and a proxy before CleverTap. In
// the end every person and event must be at CleverTap, versions in their order, every run
// must have ended, and other imports must not have been affected.
func TestDisturbedHistories(t *testing.T) {
	chosen := chooseDisturbances(t)
	t.Logf("%d kinds of disturbance", len(chosen))
	eachDisturbedWorld(t, func(t *testing.T, first uint64) {
		newWorld(t, trouble{}).disturb(first, 0, func(rng *rand.Rand) []disturbance { return draw(rng, chosen, *disturb != "") })
	})
}

// eachDisturbedWorld calls pass for the worlds of the seeds, each in a test of its own.
func eachDisturbedWorld(t *testing.T, pass func(t *testing.T, first uint64)) {
	count := max(scenariosPerWorld, *seeds/6)
	t.Logf("seeds %d to %d", *from, *from+uint64(count)-1)
	places := make(chan struct{}, disturbedAtOnce)
	var worlds sync.WaitGroup
	for first := *from; first < *from+uint64(count); first += scenariosPerWorld {
		places <- struct{}{}
		if *hunt {
			worlds.Wait() // one after the other
			if t.Failed() {
				break
			}
		}
		worlds.Go(func() {
			defer func() { <-places }()
			t.Run(fmt.Sprintf("seeds from %d", first), func(t *testing.T) { pass(t, first) })
		})
	}
	worlds.Wait()
}

func chooseDisturbances(t *testing.T) []disturbance {
	var chosen []disturbance
	for _, d := range disturbances() {
		named := slices.ContainsFunc(strings.Split(*disturb, ","), func(part string) bool { return part != "" && strings.Contains(d.name, part) })
		if named || *disturb == "" && d.broken == "" {
			chosen = append(chosen, d)
		}
	}
	if len(chosen) == 0 {
		t.Fatalf("no disturbance is called like %q", *disturb)
	}
	return chosen
}

// TestTwoDeploymentsOnOneRedis: two deployments with the same imports share a Redis. Each
// has its own tables and accounts, and must not read the other's ledgers. The second one
// has its own prefix of keys, without which it does not start; slots are shared.
func TestTwoDeploymentsOnOneRedis(t *testing.T) {
	chosen := slices.DeleteFunc(chooseDisturbances(t), func(d disturbance) bool { return d.shared })
	staging, production := newWorld(t, trouble{}), newWorld(t, trouble{})
	shared := *staging.redis
	shared.Config.KeyPrefix += "production:"
	production.redis = &shared
	var both sync.WaitGroup
	for _, w := range []*world{staging, production} {
		both.Go(func() {
			w.disturb(*from, 0, func(rng *rand.Rand) []disturbance { return draw(rng, chosen, *disturb != "") })
		})
	}
	both.Wait()
}

// disturb runs scenarios in a world, each with so many more runs than usual.
func (w *world) disturb(first uint64, more int, choose func(*rand.Rand) []disturbance) {
	w.beDisturbed()
	var scenarios []*scenario
	for seed := first; seed < first+scenariosPerWorld; seed++ {
		s := newScenario(w, seed)
		if !w.repaired && rand.New(rand.NewPCG(seed, 19)).IntN(4) == 0 {
			s.breakMapping()
		}
		s.more = more
		if w.reconciled {
			s.behind = &behind{late: map[string]bool{}, oldest: map[string]int{}}
		}
		if w.repaired && !s.event {
			s.looks = &looks{}
		}
		scenarios = append(scenarios, s)
	}
	bystander := newScenario(w, first)
	bystander.name = fmt.Sprintf("bystander%d", first)
	bystander.tableName = bystander.table()
	bystander.spec.Source.Table, bystander.spec.Destination.AccountRef = bystander.table(), bystander.account()
	for _, s := range append(slices.Clone(scenarios), bystander) {
		s.create()
	}
	w.lives = w.startAll()
	var passing sync.WaitGroup
	for _, s := range scenarios {
		passing.Go(func() { s.pass(choose) })
	}
	over := make(chan struct{})
	var beside sync.WaitGroup
	beside.Go(func() { bystander.standBy(over) })
	passing.Wait()
	close(over)
	beside.Wait()
	w.stopAll(w.lives)
	w.checkContracts()
	logReplays(w, scenarios)
	logReconciled(w, scenarios)
	logLooks(w, scenarios)
}

// beDisturbed sets the timeouts of a world that people, Kafka and proxies disturb.
func (w *world) beDisturbed() {
	w.disturbed = true
	w.kafka.SessionTimeout = 2 * time.Second
	if kafkatest.Real() != "" || raced {
		w.kafka.SessionTimeout = 6 * time.Second
	}
}

// standBy runs an undisturbed import again and again: disturbances of others must not
// delay it.
func (s *scenario) standBy(over <-chan struct{}) {
	for !s.w.broken() {
		select {
		case <-over:
			s.settle()
			return
		default:
		}
		s.advance(time.Minute)
		s.write(1 + s.rng.IntN(4))
		began := processPace.now()
		if !s.close(s.start(schemas.Command{Kind: schemas.CommandRun})) {
			return
		}
		if took := processPace.now() - began; took > bystanderBound {
			s.violation("the trouble of other imports held its run up for %s", took)
		}
	}
}

// restart stops a service in an orderly way, calls between, and starts the service again.
func (w *world) restart(name string, between func()) {
	w.livesMu.Lock()
	defer w.livesMu.Unlock()
	old := w.lives[name]
	old.cancel()
	<-old.done
	between()
	w.lives[name] = w.start(name)
}

// forgetOffsets deletes a consumer group's offsets.
func (w *world) forgetOffsets(group string) {
	w.restart(group, func() {
		if err := kafkatest.DeleteOffsets(w.t.Context(), w.kafka, group); err != nil {
			w.t.Errorf("deleting offsets: %v", err)
		}
	})
}

// recreateTopic deletes a topic of an import and creates it again, empty.
func (w *world) recreateTopic(importName, topic string, spec schemas.ImportSpec) {
	ctx := w.t.Context()
	if err := kafka.DeleteTopics(ctx, w.kafka, kafkatest.Deps(), topic); err != nil {
		w.t.Errorf("deleting a topic: %v", err)
	}
	if err := kafka.EnsureTopics(ctx, w.kafka, kafkatest.Deps(), w.topics.ImportTopics(importName, spec.Topic)); err != nil {
		w.t.Errorf("creating a topic again: %v", err)
	}
}
