package partition

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"tapline.dev/domain/control"
	"tapline.dev/libs/failpoint"
	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/services/scheduler/internal/book"
)

// source is the service's name in the headers of what it writes.
const source = "scheduler"

// overhead is what a record takes beside its value: key, headers and framing.
const overhead = 4 << 10

// commit writes one step as one transaction: states, folds, triggers, run events
// and the position up to which reports and commands are in them.
func (t *term) commit(ctx context.Context, c *book.Changes, now time.Time) error {
	records, err := t.fittingRecords(ctx, c, now)
	if err != nil {
		return err
	}
	failpoint.Hit("scheduler.before-step")
	if err := t.tx.Begin(); err != nil {
		return err
	}
	t.tx.Produce(records...)
	failpoint.Hit("scheduler.in-step")
	if err := t.tx.Commit(ctx); err != nil {
		return err
	}
	failpoint.Hit("scheduler.after-step")
	for _, r := range records {
		if r.Topic == t.topics.Runs() {
			t.events = max(t.events, r.Offset+1)
		}
	}
	return nil
}

// fittingRecords makes the step's records. A record that is too large for Kafka
// ends the run that it belongs to.
//
// Invariant 11: Kafka would refuse the record again after each takeover, and no
// import of the partition would make progress.
func (t *term) fittingRecords(ctx context.Context, c *book.Changes, now time.Time) ([]*kafka.Record, error) {
	const tries = 4 // a run, the one that waited for it, and both without what can be left out
	for range tries {
		records, tooLarge, err := t.records(c)
		if err != nil || len(tooLarge) == 0 {
			return records, err
		}
		for _, subject := range tooLarge {
			t.book.TooLarge(ctx, subject, c, now)
		}
	}
	return nil, errors.New("a control record is too large for kafka.maxMessageBytes, whatever is left out of it")
}

// records encodes the changes, and names the subjects whose records are too large.
func (t *term) records(c *book.Changes) (out []*kafka.Record, tooLarge []string, err error) {
	limit := int(t.cfg.Kafka.MaxMessageBytes) - overhead
	add := func(topic, importName, subject, key string, value any, typ string, keep func(*kafka.Record) error) {
		r, encodeErr := control.Record(topic, importName, key, value, typ, source)
		if encodeErr == nil && keep != nil {
			encodeErr = keep(r)
		}
		if encodeErr != nil {
			err = errors.Join(err, encodeErr)
			return
		}
		if len(r.Value) > limit && !slices.Contains(tooLarge, subject) {
			tooLarge = append(tooLarge, subject)
		}
		out = append(out, r)
	}
	for run, importName := range c.DeletedFolds {
		out = append(out, control.Tombstone(t.topics.Fold(), importName, run))
		delete(t.unknown.folds, run)
	}
	for run, f := range c.Folds {
		add(t.topics.Fold(), f.Import, schemas.Subject(f.Import, run), run, f, schemas.EventFold,
			func(r *kafka.Record) error { return t.unknown.keepFold(run, r) })
	}
	// A trial's state is written before its import's state. The import's state holds
	// the ID of the command, so a reader that finds the ID there finds the trial too.
	for _, name := range slices.Backward(slices.Sorted(maps.Keys(c.States))) {
		s := c.States[name]
		if s == nil {
			out = append(out, control.Tombstone(t.topics.State(), name, name))
			continue
		}
		add(t.topics.State(), name, name, name, s, schemas.EventState,
			func(r *kafka.Record) error { return t.unknown.keepState(name, s, r) })
	}
	for _, trigger := range c.Triggers {
		subject := schemas.Subject(trigger.Import, trigger.Run)
		add(t.topics.Triggers(), trigger.Import, subject, trigger.Import, trigger, schemas.EventTrigger,
			func(r *kafka.Record) error { return t.unknown.keepTrigger(subject, r) })
	}
	for _, event := range c.Events {
		add(t.topics.Runs(), event.Import, schemas.Subject(event.Import, event.Run), event.Import, event, schemas.EventRun(event.State), nil)
	}
	if err != nil {
		return nil, nil, err
	}
	position, err := control.Record(t.topics.Fold(), "", schemas.PositionKey(t.partition), t.position, schemas.EventPosition, source)
	if err != nil {
		return nil, nil, err
	}
	if err := t.unknown.keepPosition(position); err != nil {
		return nil, nil, err
	}
	position.Partition = t.partition
	return append(out, position), tooLarge, nil
}
