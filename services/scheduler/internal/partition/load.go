package partition

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/services/scheduler/internal/book"
	"tapline.dev/services/scheduler/internal/projector"
)

// term is what an owner holds between a takeover and the next error.
type term struct {
	*Owner
	tx        *kafka.Transactor
	book      *book.Book
	projector *projector.Projector
	position  schemas.Position
	events    int64 // offset after the last run event that the term has written
}

// load reads the partition's control topics to their end. Each is compacted, so
// the newest record of a key counts.
func (t *term) load(ctx context.Context) error {
	t.book = book.New(t.cfg.Book, book.Deps{Log: t.deps.Log, Trace: t.beginTrace, Busy: t.deps.Busy})
	states, err := readNewest[schemas.State](ctx, t, t.topics.State())
	if err != nil {
		return err
	}
	folds, err := readNewest[schemas.Fold](ctx, t, t.topics.Fold())
	if err != nil {
		return err
	}
	for _, s := range states {
		t.book.LoadState(s)
	}
	for _, f := range folds {
		t.book.LoadFold(f)
	}
	now := time.Now().UTC()
	if err := t.loadDefinitions(ctx, now); err != nil {
		return err
	}
	t.book.Loaded(ctx, now)
	t.projector = t.newProjector()
	runs, listings := t.book.Snapshot()
	t.projector.Put(runs, listings, 0)
	return nil
}

func (t *term) loadDefinitions(ctx context.Context, now time.Time) error {
	defs := map[string]schemas.Definition{}
	deleted := map[string]bool{}
	unreadable := map[string]func(){} // by import: complains of its newest definition
	next, err := t.deps.Reader.ReadTo(ctx, t.tp(t.topics.Imports()), 0, func(r *kafka.Record) error {
		delete(unreadable, string(r.Key))
		if r.Value == nil {
			// An earlier one has been acted on, and its import may live again.
			deleted[string(r.Key)] = r.Offset >= t.position.Imports
			delete(defs, string(r.Key))
			return nil
		}
		var def schemas.Definition
		if err := json.Unmarshal(r.Value, &def); err != nil {
			unreadable[string(r.Key)] = func() { t.unreadable(ctx, r, err) }
			delete(defs, string(r.Key))
			return nil
		}
		defs[string(r.Key)] = def
		return nil
	})
	if err != nil {
		return err
	}
	for name, news := range deleted {
		if news {
			t.book.LoadDeletion(ctx, name, now)
		}
	}
	for _, def := range defs {
		t.book.Define(ctx, def, now)
	}
	for name, complain := range unreadable {
		complain()
		t.book.Unreadable(name)
	}
	t.position.Imports = next
	return nil
}

// readNewest reads states or folds, the newest of each key. Whose newest cannot
// be read is broken, and nobody else: an older one would count rows twice or not
// at all.
func readNewest[T any](ctx context.Context, t *term, topic string) (map[string]T, error) {
	newest := map[string]T{}
	unreadable := map[string]func(){}
	_, err := t.deps.Reader.ReadTo(ctx, t.tp(topic), 0, func(r *kafka.Record) error {
		key := string(r.Key)
		if key == schemas.PositionKey(t.partition) {
			// Without the position nobody knows which reports have been counted.
			return json.Unmarshal(r.Value, &t.position)
		}
		delete(newest, key)
		delete(unreadable, key)
		if r.Value == nil {
			return nil
		}
		var v T
		if err := json.Unmarshal(r.Value, &v); err != nil {
			unreadable[key] = func() { t.unreadable(ctx, r, err) }
			return nil
		}
		newest[key] = v
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", topic, err)
	}
	for key, complain := range unreadable {
		complain()
		// A state's key is its subject, a fold's the run.
		t.book.Broken(schemas.Subject(schemas.ImportOf(key), key))
	}
	return newest, nil
}

// from is where the tail begins.
func (t *term) from() map[kafka.TP]int64 {
	return map[kafka.TP]int64{
		t.tp(t.topics.Reports()):  t.position.Reports,
		t.tp(t.topics.Commands()): t.position.Commands,
		t.tp(t.topics.Imports()):  t.position.Imports,
	}
}

// readRuns reads all if the log ends before from: the topic was made anew since.
func (o *Owner) readRuns(ctx context.Context, from int64, fn func(schemas.Run)) (int64, error) {
	tp := o.tp(o.topics.Runs())
	end, err := o.deps.Reader.EndOffset(ctx, tp)
	if err != nil {
		return 0, err
	}
	if from > end {
		from = 0
	}
	return o.deps.Reader.ReadTo(ctx, tp, from, func(r *kafka.Record) error {
		var run schemas.Run
		if err := json.Unmarshal(r.Value, &run); err != nil {
			o.unreadable(ctx, r, err)
			return nil
		}
		fn(run)
		return nil
	})
}

// unreadable leaves out a record that no reader can take in: repeating would stop
// every import of the partition for one record.
func (o *Owner) unreadable(ctx context.Context, r *kafka.Record, err error) {
	o.deps.Observe.Unreadable(ctx, r.Topic)
	o.log.ErrorContext(ctx, "a control record cannot be read and is left out",
		slog.String("topic", r.Topic), slog.Int64("offset", r.Offset), slog.Any("error", err))
}
