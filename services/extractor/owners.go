package extractor

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"tapline.dev/libs/backoff"
	"tapline.dev/libs/kafka"
	"tapline.dev/libs/telemetry"
	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/attempt"
)

var (
	errOwnerChanged = errors.New("another owner goes on with the attempt")
	errObsolete     = errors.New("the attempt is no longer the active one")
	errEnding       = errors.New("the run is to end early")
)

// compareEvery is how often the states are compared with the attempts under way if no
// signal comes.
const compareEvery = 5 * time.Second

// takeoverPause is the mean wait before a takeover is repeated; it doubles up to
// takeoverPauseMax, for each one signs in to Snowflake again.
const (
	takeoverPause    = 500 * time.Millisecond
	takeoverPauseMax = 30 * time.Second
)

// work is one attempt in hand.
type work struct {
	id     attempt.ID
	stop   context.CancelCauseFunc
	end    func() // once the run is to end early
	ending chan struct{}
	done   chan struct{}
}

// owners keeps, for every import and trial of the owned partitions whose active
// attempt is not over, exactly one goroutine at work.
type owners struct {
	service *Service
	wake    chan struct{}
	ended   chan struct{}
	cancel  context.CancelFunc

	mu               sync.Mutex
	owned            map[int32]bool
	work             map[string]*work      // by subject
	finished         map[string]attempt.ID // the newest attempt that is over
	sourceReportedAt map[string]time.Time  // by run that is starting: when its source was last reported

	reporting sync.WaitGroup
}

func newOwners(ctx context.Context, s *Service) *owners {
	// The work outlives ctx until it is released: transactions in hand are
	// finished first.
	ctx, cancel := context.WithCancel(ctx)
	o := &owners{
		service: s, cancel: cancel, wake: make(chan struct{}, 1), ended: make(chan struct{}),
		owned: map[int32]bool{}, work: map[string]*work{}, finished: map[string]attempt.ID{}, sourceReportedAt: map[string]time.Time{},
	}
	go o.loop(ctx)
	return o
}

func (o *owners) close() {
	o.cancel()
	<-o.ended
	o.reporting.Wait()
	var all []kafka.TP
	for p := range int32(schemas.ControlPartitions) {
		all = append(all, kafka.TP{Partition: p})
	}
	o.release(all)
}

func (o *owners) loop(ctx context.Context) {
	defer close(o.ended)
	ticker := time.NewTicker(compareEvery)
	defer ticker.Stop()
	for {
		changed := o.service.states.table.Changed()
		o.compare(ctx)
		select {
		case <-ctx.Done():
			return
		case <-o.wake:
		case <-o.service.states.wake:
		case <-changed:
		case <-ticker.C:
		}
	}
}

func (o *owners) assign(tps []kafka.TP) {
	o.mu.Lock()
	before := len(o.owned)
	for _, tp := range tps {
		o.owned[tp.Partition] = true
	}
	added := len(o.owned) - before
	o.mu.Unlock()
	o.service.metrics.partitions.Add(context.Background(), int64(added))
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// release gives partitions up and waits for the transactions in hand. The
// statements at Snowflake stay: the next owner takes their results up.
func (o *owners) release(tps []kafka.TP) {
	o.mu.Lock()
	before := len(o.owned)
	for _, tp := range tps {
		delete(o.owned, tp.Partition)
	}
	removed := before - len(o.owned)
	var stopping []*work
	for subject, w := range o.work {
		if !o.owned[schemas.ControlPartition(subject)] {
			stopping = append(stopping, w)
		}
	}
	o.mu.Unlock()
	o.service.metrics.partitions.Add(context.Background(), int64(-removed))
	for _, w := range stopping {
		w.stop(errOwnerChanged)
	}
	for _, w := range stopping {
		<-w.done
	}
}

// compare starts, ends and stops work so that it is what the states ask for.
func (o *owners) compare(ctx context.Context) {
	if ctx.Err() != nil {
		return
	}
	states, broken := o.service.states.all()
	for _, begin := range o.reconcile(ctx, states, broken) {
		go begin()
	}
	for subject, run := range o.runsToReport(states, time.Now()) {
		o.reporting.Go(func() { o.service.reportSource(ctx, subject, run) })
	}
}

// runsToReport returns the runs whose source is to be reported, by subject: as soon as
// they start, and again from time to time while they wait for it.
func (o *owners) runsToReport(states map[string]*schemas.State, now time.Time) map[string]schemas.ActiveRun {
	o.mu.Lock()
	defer o.mu.Unlock()
	toReport := map[string]schemas.ActiveRun{}
	reportedAt := map[string]time.Time{}
	for subject, state := range states {
		a := state.Active
		if a == nil || a.State != schemas.StateStarting || a.Ending != nil || !o.owned[schemas.ControlPartition(subject)] {
			continue
		}
		reportedAt[a.Run] = o.sourceReportedAt[a.Run]
		if now.Sub(reportedAt[a.Run]) >= schemas.WaitingRenewal {
			reportedAt[a.Run], toReport[subject] = now, *a
		}
	}
	o.sourceReportedAt = reportedAt
	return toReport
}

// reconcile ends and stops the work that the states no longer ask for, and returns
// what is to begin. Work on a state that cannot be read is left alone.
func (o *owners) reconcile(ctx context.Context, states map[string]*schemas.State, broken map[string]error) (begin []func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for subject := range o.finished {
		if states[subject] == nil && broken[subject] == nil {
			delete(o.finished, subject)
		}
	}
	for subject, w := range o.work {
		state := states[subject]
		if broken[subject] != nil {
			continue
		}
		if !attempt.Names(state, w.id) {
			w.stop(errObsolete)
		} else if state.Active.Ending != nil {
			w.end()
		}
	}
	for subject, state := range states {
		a := state.Active
		if a == nil || !o.owned[schemas.ControlPartition(subject)] || o.work[subject] != nil {
			continue
		}
		id := attempt.IDOf(a)
		if a.State != schemas.StateExtracting || !schemas.HasTrigger(a.Mode) || o.finished[subject] == id {
			continue
		}
		// The end of ctx does not stop the work. Who stops it gives the reason as the
		// cause.
		ctx, stop := context.WithCancelCause(context.WithoutCancel(ctx))
		w := newWork(id, stop)
		if a.Ending != nil {
			w.end()
		}
		o.work[subject] = w
		begin = append(begin, func() { o.doWork(ctx, subject, w) })
	}
	return begin
}

func newWork(id attempt.ID, stop context.CancelCauseFunc) *work {
	w := &work{id: id, stop: stop, ending: make(chan struct{}), done: make(chan struct{})}
	w.end = sync.OnceFunc(func() { close(w.ending) })
	return w
}

// doWork does work to its end.
func (o *owners) doWork(ctx context.Context, subject string, w *work) {
	defer close(w.done)
	over := o.service.work(telemetry.WithAttrs(ctx, slog.String("run", w.id.Run)), subject, w)
	w.stop(nil)
	o.mu.Lock()
	delete(o.work, subject)
	if over {
		o.finished[subject] = w.id
	}
	o.mu.Unlock()
	o.service.states.signal() // the import may have a newer attempt by now
}

// work works on an attempt until the attempt is over, and then returns true, or until
// this process no longer owns it.
func (s *Service) work(ctx context.Context, subject string, w *work) (over bool) {
	slots := s.slots
	if schemas.IsTrial(subject) {
		slots = s.trials
	}
	select {
	case slots <- struct{}{}:
		defer func() { <-slots }()
	case <-w.ending:
		// An attempt that is to end reads nothing, so it needs no slot. It must not wait
		// for one either: the slots may be taken for hours.
	case <-ctx.Done():
		return false
	}
	s.metrics.active.Add(ctx, 1)
	defer s.metrics.active.Add(ctx, -1)
	for try := 0; ; try++ {
		err := s.takeOver(ctx, subject, w)
		switch {
		case err == nil:
			return true
		case ctx.Err() != nil:
			return errors.Is(context.Cause(ctx), errObsolete)
		}
		// An owner that was fenced while the group still names it as owner repeats
		// the takeover, and so does one whose last transaction has no known end.
		s.metrics.takeovers.Add(ctx, 1)
		s.deps.Telemetry.Logger.WarnContext(ctx, "the attempt is taken over again", slog.Int("attempt", w.id.Attempt), slog.Any("error", err))
		if backoff.Wait(ctx, backoff.Delay(try, takeoverPause, takeoverPauseMax)) != nil {
			return errors.Is(context.Cause(ctx), errObsolete)
		}
	}
}
