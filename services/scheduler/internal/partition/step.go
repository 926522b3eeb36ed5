package partition

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/services/scheduler/internal/book"
)

// keep steps until ctx ends or a step fails.
func (t *term) keep(ctx context.Context, polls <-chan poll) error {
	ticker := time.NewTicker(t.cfg.Tick)
	defer ticker.Stop()
	var records []*kafka.Record
	for {
		if err := t.step(ctx, records); err != nil {
			return err
		}
		if err := t.setAlarm(); err != nil {
			return err
		}
		records = nil
		select {
		case <-ctx.Done():
			return nil
		case p := <-polls:
			if p.err != nil {
				return fmt.Errorf("following reports and commands: %w", p.err)
			}
			var err error
			if records, err = t.gather(ctx, p.records, polls); err != nil {
				return err
			}
		case <-t.alarm.C():
		case <-ticker.C:
		}
	}
}

// gather waits a little for more, so that a busy run costs a few transactions a
// second and not one for each report.
func (t *term) gather(ctx context.Context, records []*kafka.Record, polls <-chan poll) ([]*kafka.Record, error) {
	linger := time.NewTimer(t.cfg.Linger)
	defer linger.Stop()
	for len(records) < t.cfg.MaxBatch {
		select {
		case p := <-polls:
			if p.err != nil {
				return nil, fmt.Errorf("following reports and commands: %w", p.err)
			}
			records = append(records, p.records...)
		case <-linger.C:
			return records, nil
		case <-ctx.Done():
			return records, nil
		}
	}
	return records, nil
}

func (t *term) setAlarm() error {
	if at, ok := t.book.NextWake(); ok {
		return t.alarm.Set(at)
	}
	return t.alarm.Clear()
}

// step takes records in, does what is due by the clock, commits the changes of both
// in one transaction, and only then shows them.
func (t *term) step(ctx context.Context, records []*kafka.Record) error {
	// A step that has begun is finished, even when the partition is revoked
	// meanwhile: its transaction is either committed or fenced.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), t.cfg.DrainTimeout)
	defer cancel()
	began := time.Now()
	now := began.UTC()
	before := t.position
	if err := t.compareControl(ctx, now); err != nil {
		return err
	}
	if err := t.applyRecords(ctx, records, now); err != nil {
		return err
	}
	t.book.CloseSettled(ctx, now)
	t.book.Tick(ctx, now)
	t.compareTopics(ctx, now)
	t.lookForOpenTransactions(ctx, now)
	changes := t.book.Take()
	if !changes.Empty() || t.position != before {
		if err := t.commit(ctx, &changes, now); err != nil {
			return err
		}
		t.deps.Observe.Step(ctx, len(records), time.Since(began))
	}
	t.publish(ctx, &changes)
	return nil
}

// applyRecords gives the records to the book, each once: what lies before the position
// has been taken in already.
func (t *term) applyRecords(ctx context.Context, records []*kafka.Record, now time.Time) error {
	for _, r := range records {
		if r.Topic != t.topics.Commands() {
			continue
		}
		// A person applies a definition and then asks for a run of it: the command
		// must not overtake the definition.
		if err := t.readDefinitions(ctx, now); err != nil {
			return err
		}
		break
	}
	for _, r := range records {
		switch r.Topic {
		case t.topics.Imports():
			t.define(ctx, r, now)
		case t.topics.Commands():
			if r.Offset >= t.position.Commands {
				t.position.Commands = r.Offset + 1
				t.command(ctx, r, now)
			}
		case t.topics.Reports():
			if r.Offset >= t.position.Reports {
				t.position.Reports = r.Offset + 1
				t.report(ctx, r, now)
			}
		}
	}
	return nil
}

func (t *term) readDefinitions(ctx context.Context, now time.Time) error {
	_, err := t.deps.Reader.ReadTo(ctx, t.tp(t.topics.Imports()), t.position.Imports, func(r *kafka.Record) error {
		t.define(ctx, r, now)
		return nil
	})
	if err != nil {
		return fmt.Errorf("reading definitions: %w", err)
	}
	return nil
}

func (t *term) define(ctx context.Context, r *kafka.Record, now time.Time) {
	if r.Offset < t.position.Imports {
		return
	}
	t.position.Imports = r.Offset + 1
	if r.Value == nil {
		t.book.Undefine(ctx, string(r.Key), now)
		return
	}
	def, err := t.unknown.decodeDefinition(string(r.Key), r.Value)
	if err != nil {
		t.unreadable(ctx, r, err)
		t.book.Unreadable(string(r.Key))
		return
	}
	t.book.Define(ctx, def, now)
}

func (t *term) command(ctx context.Context, r *kafka.Record, now time.Time) {
	var c schemas.Command
	if err := json.Unmarshal(r.Value, &c); err != nil {
		t.unreadable(ctx, r, err)
		return
	}
	t.book.Command(ctx, c, now)
}

func (t *term) report(ctx context.Context, r *kafka.Record, now time.Time) {
	var report schemas.Report
	if err := json.Unmarshal(r.Value, &report); err != nil {
		t.unreadable(ctx, r, err)
		return
	}
	t.book.Report(ctx, &report, now)
}

// publish passes committed changes on to the projector, the traces and the metrics.
func (t *term) publish(ctx context.Context, c *book.Changes) {
	if len(c.Events) > 0 || len(c.Listings) > 0 {
		listings := make(map[string]*schemas.Listing, len(c.Listings))
		for name := range c.Listings {
			listings[name] = t.book.Listing(name)
		}
		t.projector.Put(c.Events, listings, t.events)
	}
	for _, closed := range c.Closed {
		t.endTrace(ctx, closed)
		if !schemas.IsTrial(closed.Run.Run) {
			t.deps.Board.Closed(ctx, t.partition, closed.Run, closed.Traceparent)
		}
	}
	for name := range touched(c) {
		t.deps.Board.Put(ctx, t.partition, name, t.book.Facts(name))
	}
}

// touched are the imports of which a step has changed something.
func touched(c *book.Changes) map[string]bool {
	out := maps.Clone(c.Listings)
	for subject := range c.States {
		out[schemas.ImportOf(subject)] = true
	}
	for _, f := range c.Folds {
		out[f.Import] = true
	}
	return out
}
