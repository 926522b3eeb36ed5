package loader

import (
	"crypto/rand"
	"sync/atomic"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/services/loader/internal/lane"
)

// partition is an owned partition of a records topic. The loop owns it.
type partition struct {
	tp          kafka.TP
	importName  string // "" of the dry runs' topic, where each record names its own
	control     int32  // the control partition of its imports
	ownership   *ownership
	lane        *lane.Lane
	paused      bool // not fetched: its buffer is full
	tasks       int  // tasks under way for it
	uncommitted int  // batches finished since the last commit
	draining    bool // cuts nothing any more
	// idle is closed when it drains and no task is under way, drained when the
	// drain is over.
	idle, drained chan struct{}
	isIdle        bool // idle is closed

	// untold is the number of a run of which it is not known what earlier owners have sent;
	// 0 if there is none. See lane.HeadUntold.
	untold int

	lookingUpRun bool      // the state topic is being read for the head's run
	unknownRun   runKey    // a run that the state topic, read to its end, does not know
	blockedUntil time.Time // until when the head is not looked at again
}

// ownership is the right to work on a partition, as its tasks see it. Safe for
// concurrent use.
type ownership struct {
	holder string // names this ownership in the intents that are written under it
	lost   atomic.Bool
}

// runKey is an attempt of a subject's run.
type runKey struct {
	subject         string
	number, attempt int
}

func newPartition(tp kafka.TP, topics schemas.Topics) *partition {
	p := &partition{
		tp: tp, importName: topics.ImportOf(tp.Topic), ownership: &ownership{holder: rand.Text()},
		idle: make(chan struct{}), drained: make(chan struct{}),
	}
	if p.importName == "" {
		p.control, p.lane = tp.Partition, lane.NewShared()
	} else {
		p.control, p.lane = schemas.ControlPartition(p.importName), lane.New()
	}
	return p
}

// own takes a partition in. A pass looks at it until it is quiet, and again once a record of
// it comes: thousands of partitions of imports that sleep cost nothing.
func (l *loop) own(p *partition) {
	l.partitions[p.tp] = p
	l.active[p] = struct{}{}
}

// quiet reports whether there is nothing to do for the partition before its next record.
func (p *partition) quiet() bool { return !p.paused && p.tasks == 0 && p.lane.Quiet() }

// enter counts a task that begins, and leave one that ends. A task that begins after the
// others of a drain have ended, such as the last report of a lost partition, makes the
// partition busy again: idle becomes a new channel, and the next ownership of the
// partition waits for that one.
func (p *partition) enter() {
	if p.isIdle {
		p.isIdle, p.idle = false, make(chan struct{})
	}
	p.tasks++
}

func (p *partition) leave() {
	p.tasks--
	p.closeIfIdle()
}

// drain lets the partition cut nothing any more.
func (p *partition) drain() {
	p.draining = true
	p.closeIfIdle()
}

func (p *partition) closeIfIdle() {
	if p.draining && p.tasks == 0 && !p.isIdle {
		p.isIdle = true
		close(p.idle)
	}
}
