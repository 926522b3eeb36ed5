package book

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"time"

	"tapline.dev/schemas"
	"tapline.dev/services/scheduler/internal/fold"
)

// CodeTooLarge is the error code of a run whose state or fold does not fit into a
// Kafka record.
const CodeTooLarge = "control_record_too_large"

// TooLarge takes in that a record of the subject is too large for Kafka. It ends
// the subject's run, leaves out what can be left out, and puts what follows from
// that into the changes, which the caller was about to write.
func (b *Book) TooLarge(ctx context.Context, subject string, c *Changes, now time.Time) {
	e, ok := b.imports[subject]
	if !ok || e.state == nil {
		return
	}
	s := e.state
	s.Columns, s.Gone, s.Sample = nil, nil, nil
	if a := s.Active; a != nil {
		b.log.ErrorContext(ctx, "a control record of the run is too large: the run is ended", slog.String("run", a.Run))
		c.drop(a.Run)
		f := e.fold
		if _, again := c.tooLarge[subject]; again {
			b.dropQueued(e, now) // it has the same definition and would be too large as well
		}
		b.close(ctx, e, schemas.StateFailed, fold.BoundError("", CodeTooLarge,
			"what the scheduler has to remember of this run is larger than kafka.maxMessageBytes: use fewer columns or a shorter definition, or raise the limit here and at the brokers"), now)
		fold.Shrink(f)
	} else {
		s.Keys, s.Refused, s.RefusedBecause = nil, nil, nil
		b.stateChanged(e, now)
	}
	c.add(b.Take())
	if c.tooLarge == nil {
		c.tooLarge = map[string]bool{}
	}
	c.tooLarge[subject] = true
}

// drop removes the fold, the triggers and the events of a run from the changes.
func (c *Changes) drop(run string) {
	delete(c.Folds, run)
	c.Triggers = slices.DeleteFunc(c.Triggers, func(t schemas.Trigger) bool { return t.Run == run })
	c.Events = slices.DeleteFunc(c.Events, func(r schemas.Run) bool { return r.Run == run })
}

// add merges later changes into c.
func (c *Changes) add(later Changes) {
	maps.Copy(c.States, later.States)
	maps.Copy(c.Folds, later.Folds)
	maps.Copy(c.DeletedFolds, later.DeletedFolds)
	for run := range later.DeletedFolds {
		delete(c.Folds, run)
	}
	maps.Copy(c.Listings, later.Listings)
	c.Triggers = append(c.Triggers, later.Triggers...)
	c.Events = append(c.Events, later.Events...)
	c.Closed = append(c.Closed, later.Closed...)
}
