package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// sender decides and sends. One goroutine owns all of its state; a delivery is a task that
// ends by an entry in results.
type sender struct {
	cfg  Config
	deps Deps
	tx   *kafka.Transactor
	book book
	// unknown are the fields of an entry that this version does not know, by its key.
	unknown map[string]*schemas.Unknown
	// busy are notifications with a delivery under way, after what happens when they fail.
	busy    map[string]bool
	tries   map[string]int
	after   map[string]time.Time
	results chan delivered
	beaten  time.Time
}

type delivered struct {
	notification, importName, id string
	err                          error
}

func newSender(cfg Config, deps Deps) *sender {
	return &sender{cfg: cfg, deps: deps, book: book{}, unknown: map[string]*schemas.Unknown{}, busy: map[string]bool{}, tries: map[string]int{}, after: map[string]time.Time{}, results: make(chan delivered)}
}

// run fences an older owner, reads what was told, and goes on from there.
func (s *sender) run(ctx context.Context) (err error) {
	if s.tx, err = kafka.OpenTransactor(ctx, s.deps.Kafka, s.deps.KafkaDeps, TransactionalID); err != nil {
		return err
	}
	defer s.tx.Close()
	if err := s.read(ctx); err != nil {
		return err
	}
	if err := s.deps.Catalog.ReadToEnd(ctx); err != nil {
		return err
	}
	s.deps.Log.InfoContext(ctx, "notifications are sent from here", slog.Int("known", len(s.book)))
	tasks := &sync.WaitGroup{}
	sending, stop := context.WithCancel(ctx)
	defer tasks.Wait()
	defer stop()
	return s.loop(ctx, sending, tasks)
}

func (s *sender) loop(ctx, sending context.Context, tasks *sync.WaitGroup) error {
	ticker := time.NewTicker(s.cfg.Every)
	defer ticker.Stop()
	for {
		if err := s.look(ctx); err != nil {
			return err
		}
		s.beat(sending, tasks)
		s.dispatch(sending, tasks)
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		case d := <-s.results:
			if err := s.settle(ctx, d); err != nil {
				return err
			}
		}
	}
}

// recipients are the notifications that can be read, by name.
func (s *sender) recipients(ctx context.Context) []recipient {
	var out []recipient
	for _, r := range s.deps.Catalog.Resources(schemas.KindNotification) {
		var spec schemas.NotificationSpec
		if err := json.Unmarshal(r.Spec, &spec); err != nil {
			s.deps.Log.WarnContext(ctx, "a notification cannot be read", slog.String("notification", r.Metadata.Name), slog.Any("error", err))
			continue
		}
		out = append(out, recipient{r.Metadata.Name, spec})
	}
	return out
}

// look decides what is new and makes it durable before anything of it is sent. What it
// knows may be old, as after an outage of Kafka, so that it reads the log to its end before
// it believes that something has changed.
func (s *sender) look(ctx context.Context) error {
	if len(s.changes(ctx)) == 0 {
		return nil
	}
	if err := s.deps.Catalog.ReadToEnd(ctx); err != nil {
		return err
	}
	changes := s.changes(ctx)
	for _, e := range changes {
		if e != nil {
			s.complete(ctx, &e.Outbox[len(e.Outbox)-1])
		}
	}
	return s.write(ctx, changes)
}

// changes are the entries that have something new to tell; nil is of one that goes.
func (s *sender) changes(ctx context.Context) map[string]*schemas.Notified {
	now := s.deps.Now()
	changes := map[string]*schemas.Notified{}
	wanted := map[string]bool{}
	recipients := s.recipients(ctx)
	for _, d := range s.deps.Catalog.Imports() {
		state, _ := s.deps.Catalog.State(d.Metadata.Name)
		ack := s.deps.Catalog.Acknowledgement(d.Metadata.Name)
		for _, r := range recipients {
			if !r.spec.Selector.Selects(d.Metadata) {
				continue
			}
			key := schemas.NotifiedKey(r.name, d.Metadata.Name)
			wanted[key] = true
			entry, told := s.book.decide(r, d, state, ack, now)
			if told == nil {
				continue
			}
			entry = put(entry, *told)
			changes[key] = &entry
		}
	}
	for key := range s.book {
		if !wanted[key] {
			changes[key] = nil // the import or the notification is gone, or it is not for it any more
		}
	}
	return changes
}

// complete adds the cause of lateness and the link.
func (s *sender) complete(ctx context.Context, n *schemas.Notice) {
	if s.cfg.PageURL != "" {
		n.Link = s.cfg.PageURL + "/imports/" + n.Import
	}
	if n.Condition != schemas.NotifyLate {
		return
	}
	if why, ok := s.deps.ExplainLate(ctx, n.Import); ok && len(why.Causes) > 0 {
		n.Code, n.Cause = why.Causes[0].Code, n.Cause+": "+why.Causes[0].Text
	}
}

// dispatch starts the delivery of the oldest message of each notification that has none
// under way. A channel that does not take messages delays no other one.
func (s *sender) dispatch(ctx context.Context, tasks *sync.WaitGroup) {
	now := s.deps.Now()
	for _, r := range s.recipients(ctx) {
		if s.busy[r.name] || now.Before(s.after[r.name]) {
			continue
		}
		oldest := s.oldest(r.name)
		if oldest == nil {
			continue
		}
		s.busy[r.name] = true
		n := *oldest
		tasks.Go(func() {
			err := s.deps.Send(ctx, r.spec, n)
			select {
			case s.results <- delivered{r.name, n.Import, n.ID, err}:
			case <-ctx.Done():
			}
		})
	}
}

// oldest is the message of a notification that waits longest.
func (s *sender) oldest(notification string) (found *schemas.Notice) {
	for _, key := range slices.Sorted(maps.Keys(s.book)) {
		e := s.book[key]
		if e.Notification == notification && len(e.Outbox) > 0 && (found == nil || e.Outbox[0].Time.Before(found.Time)) {
			found = &e.Outbox[0]
		}
	}
	return found
}

// settle notes the outcome of a delivery.
func (s *sender) settle(ctx context.Context, d delivered) error {
	s.busy[d.notification] = false
	if d.err != nil {
		s.tries[d.notification]++
		wait := min(s.cfg.RetryMin<<min(s.tries[d.notification]-1, 16), s.cfg.RetryMax)
		s.after[d.notification] = s.deps.Now().Add(wait)
		s.deps.Log.WarnContext(ctx, "a notification was not delivered and is sent again", slog.String("notification", d.notification), slog.String("import", d.importName),
			slog.String("id", d.id), slog.Int("try", s.tries[d.notification]), slog.Duration("wait", wait), slog.Any("error", d.err))
		return nil
	}
	delete(s.tries, d.notification)
	delete(s.after, d.notification)
	key := schemas.NotifiedKey(d.notification, d.importName)
	e, known := s.book[key]
	if !known {
		return nil
	}
	e = taken(e, d.id)
	return s.write(ctx, map[string]*schemas.Notified{key: &e})
}

// errUnaccounted keeps the heartbeat back.
var errUnaccounted = errors.New("a due instant has passed and nobody has acted on it")

// beat calls the outside monitor if every due instant is accounted for by a log that was
// read to its end. If anything of that is missing the monitor hears nothing, and alarms.
func (s *sender) beat(ctx context.Context, tasks *sync.WaitGroup) {
	now := s.deps.Now()
	if s.cfg.Beat == nil || now.Sub(s.beaten) < s.cfg.BeatEvery {
		return
	}
	s.beaten = now
	tasks.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, min(s.cfg.BeatEvery, 30*time.Second))
		defer cancel()
		err := s.deps.Catalog.ReadToEnd(ctx)
		if err == nil {
			if name := unaccounted(s.deps.Catalog.Imports(), s.state, now); name != "" {
				err = fmt.Errorf("%w: of %s", errUnaccounted, name)
			}
		}
		if err == nil {
			err = s.cfg.Beat(ctx)
		}
		if err != nil && !errors.Is(err, context.Canceled) {
			s.deps.Log.WarnContext(ctx, "the heartbeat to the outside monitor is left out", slog.Any("error", err))
		}
	})
}

func (s *sender) state(name string) schemas.State {
	state, _ := s.deps.Catalog.State(name)
	return state
}
