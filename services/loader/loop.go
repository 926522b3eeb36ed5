package loader

import (
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/services/loader/internal/account"
	"tapline.dev/services/loader/internal/turns"
)

const (
	// tick is how often the loop makes a pass without an event. In such a pass it
	// notices a run that is to end, and a definition that has changed.
	tick = 250 * time.Millisecond
	// eventsPerPass bounds the events that are handled before the next pass.
	eventsPerPass = 64
)

// loop is the goroutine that owns a membership's scheduling state: which
// partitions there are and what lies in them, what is in flight and what waits.
// It takes events, and after each few of them makes a pass over the state. It
// never waits for anything but the next event: whatever takes time is a task.
type loop struct {
	*member
	partitions     map[kafka.TP]*partition
	active         map[*partition]struct{} // those that a pass looks at; see own
	destinations   map[string]*destination
	turns          *turns.Turns
	leaving        map[kafka.TP][]<-chan struct{} // closed when the tasks of an earlier ownership are over
	withRecords    int                            // partitions with records in their lanes, as the last pass saw
	commits        commits
	notices        []account.Notice // to be written, in their order
	writingNotices bool
	heldRuns       map[string]*heldRun // by run
	nextLease      time.Time
	places         placeReports
	tests          accountTests
	lookingUp      map[string]bool // accounts whose look-ups a task answers
	draining       bool            // nothing is cut any more
	closed         bool            // no task begins any more
	finished       bool            // closed, and no task is under way: no event follows
}

func newLoop(m *member) *loop {
	return &loop{
		member: m, partitions: map[kafka.TP]*partition{}, active: map[*partition]struct{}{}, destinations: map[string]*destination{}, leaving: map[kafka.TP][]<-chan struct{}{}, turns: turns.New(), heldRuns: map[string]*heldRun{}, lookingUp: map[string]bool{},
		places: placeReports{reported: map[string]reportedPlace{}}, tests: accountTests{tests: map[string]*accountTest{}},
	}
}

func (l *loop) run() {
	timer := time.NewTimer(tick)
	defer timer.Stop()
	defer close(l.ended)
	for {
		select {
		case e := <-l.events:
			e(l, time.Now())
			l.takeMore()
		case <-l.places.wake():
		case <-l.tests.stateChanged:
		case <-timer.C:
		}
		if l.finished {
			return
		}
		now := time.Now()
		timer.Reset(max(time.Millisecond, min(tick, l.pass(now).Sub(now))))
	}
}

// takeMore handles the events that wait already, at most eventsPerPass of them.
func (l *loop) takeMore() {
	for range eventsPerPass {
		if l.finished {
			return
		}
		select {
		case e := <-l.events:
			e(l, time.Now())
		default:
			return
		}
	}
}

// start begins a task, unless the membership is over.
func (l *loop) start(task func()) {
	if !l.closed {
		l.tasks.Go(task)
	}
}

// pass begins whatever the state now allows, and returns when the next pass is due.
func (l *loop) pass(now time.Time) (again time.Time) {
	again = now.Add(tick)
	if !l.draining {
		again = earliest(again, l.dispatch(now))
	}
	again = earliest(again, l.reportStartingPlaces(now))
	if !l.draining {
		again = earliest(again, l.testAccounts(now))
		l.lookPeopleUp(now)
	}
	again = earliest(again, l.commitIfDue(now))
	again = earliest(again, l.leaseIfDue(now))
	l.writeNotices()
	return again
}

func earliest(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}
