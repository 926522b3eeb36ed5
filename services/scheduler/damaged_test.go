package scheduler_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"tapline.dev/libs/kafka/kafkatest"
	"tapline.dev/schemas"
)

// TestADamagedControlBatch: a batch of the commands is damaged on the broker. Nothing behind
// it is passed over: the imports of its control partition wait, and the log says for what.
// The process goes on, and so do imports of the other partitions, also if they are created
// meanwhile and if another scheduler takes over. Once the batch can be read, those that
// waited go on.
func TestADamagedControlBatch(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.cfg.TakeoverPause = 200 * time.Millisecond // well above what it takes to meet the damage
	log := &said{}
	r.tel.Logger = slog.New(log)
	const mark = "a-command-on-a-bad-sector"
	network := kafkatest.NewDamaged(mark)
	r.network.Dial = network.Dial
	waiting, other := "customers", "orders"
	for schemas.ControlPartition(other) == schemas.ControlPartition(waiting) {
		other += "x"
	}
	stop := r.start()
	r.apply(definition(waiting))
	r.apply(definition(other))
	r.command(waiting, schemas.CommandRun, nil)
	r.awaitRun(waiting+".1", schemas.StateExtracting)

	r.produce(r.topics.Commands(), waiting, schemas.Command{ID: mark, Import: waiting, Kind: schemas.CommandCancel, Run: waiting + ".1"})
	r.await("the damage is met", func() bool { return network.Met() > 2 })
	r.command(waiting, schemas.CommandPause, nil)
	r.command(other, schemas.CommandRun, nil)
	r.awaitRun(other+".1", schemas.StateExtracting)
	r.await("it is said what is damaged", func() bool { return log.has("the partition is taken over again", r.topics.Commands()) })
	r.await("the takeovers become rare", func() bool {
		_, in, _ := strings.Cut(log.line("the partition is taken over again", r.topics.Commands()), " in=")
		pause, err := time.ParseDuration(in)
		return err == nil && pause >= 4*r.cfg.TakeoverPause
	})
	stop()
	stop = r.start()
	r.finish(other+".1", 1, 2, 0, maximum)
	r.awaitRun(other+".1", schemas.StateSucceeded)
	if s := r.state(waiting); s.Active == nil || s.Active.Ending != nil || s.Paused {
		t.Errorf("something behind the damage was obeyed: %+v", s)
	}

	network.Repair() // another replica of the partition leads
	r.await("the cancel", func() bool { s := r.state(waiting); return s.Active != nil && s.Active.Ending != nil && s.Paused })
	stop()
}
