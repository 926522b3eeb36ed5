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

	recreatedTopics    []string  // control topics that were created again since the position was written
	controlComparedAt  time.Time // when the ids of the control topics were last compared
	topicIDsComparedAt time.Time // when the topic ids of all active runs were last compared
	topicIDsUnreadable bool      // the newest look at the topics failed
	hidden             hidden
	unknown            *unknownFields
}

// load reads the partition's control topics to their end.
func (t *term) load(ctx context.Context) error {
	t.book = book.New(t.cfg.Book, book.Deps{Log: t.deps.Log, Trace: t.beginTrace, Busy: t.deps.Busy, Ended: t.deps.Ended, Held: t.deps.Held})
	t.unknown = newUnknownFields()
	states, _, err := kafka.LoadTable(ctx, t.deps.Reader, t.partition, kafka.TableConfig[schemas.State]{Topic: t.topics.State(), Decode: t.unknown.decodeState})
	if err != nil {
		return err
	}
	folds, _, err := kafka.LoadTable(ctx, t.deps.Reader, t.partition, kafka.TableConfig[foldRecord]{Topic: t.topics.Fold(), Decode: t.unknown.decodeFold})
	if err != nil {
		return err
	}
	// Without the position it is not known which reports have been counted, so the
	// partition is not taken over until the position can be read.
	position, _, err := folds.Get(schemas.PositionKey(t.partition))
	if err != nil {
		return fmt.Errorf("reading the partition's position: %w", err)
	}
	t.position = position.position
	if err := t.comparePosition(ctx); err != nil {
		return err
	}
	t.book.ReportsTopic(t.position.ReportsTopic)
	t.leaveOut(ctx, t.topics.State(), states.Broken())
	t.leaveOut(ctx, t.topics.Fold(), folds.Broken())
	for _, s := range states.All() {
		t.book.LoadState(s)
	}
	for key, f := range folds.All() {
		if key != schemas.PositionKey(t.partition) {
			t.book.LoadFold(f.fold)
		}
	}
	now := time.Now().UTC()
	if err := t.loadDefinitions(ctx, now); err != nil {
		return err
	}
	t.book.Loaded(ctx, now)
	for _, topic := range t.recreatedTopics {
		t.book.TopicRecreated(topic)
	}
	t.projector = t.newProjector()
	runs, listings := t.book.Snapshot()
	t.projector.Put(runs, listings, 0)
	return nil
}

// foldRecord is a record of the fold topic: a run's fold, or the position of the
// partition.
type foldRecord struct {
	fold     schemas.Fold
	position schemas.Position
}

func decodeFold(key string, value []byte) (r foldRecord, err error) {
	if schemas.IsPositionKey(key) {
		err = json.Unmarshal(value, &r.position)
	} else {
		err = json.Unmarshal(value, &r.fold)
	}
	return r, err
}

// leaveOut marks subjects as broken whose state or fold cannot be read: an older
// value of it would count rows twice or not at all. A state's key is the subject, a
// fold's key is the run.
func (t *term) leaveOut(ctx context.Context, topic string, broken map[string]error) {
	for key := range broken {
		t.deps.Observe.Unreadable(ctx, topic)
		t.book.Broken(schemas.Subject(schemas.ImportOf(key), key))
	}
}

func (t *term) loadDefinitions(ctx context.Context, now time.Time) error {
	defs, next, err := kafka.LoadTable(ctx, t.deps.Reader, t.partition, kafka.TableConfig[schemas.Definition]{
		Topic: t.topics.Imports(), Tombstones: true, Decode: t.unknown.decodeDefinition,
	})
	if err != nil {
		return err
	}
	for name, offset := range defs.Deleted() {
		if offset >= t.position.Imports { // an earlier one has been acted on
			t.book.LoadDeletion(ctx, name, now)
		}
	}
	for _, def := range defs.All() {
		t.book.Define(ctx, def, now)
	}
	for name := range defs.Broken() {
		t.deps.Observe.Unreadable(ctx, t.topics.Imports())
		t.book.Unreadable(name)
	}
	t.position.Imports = next
	return nil
}

// from returns the offsets at which the tail begins.
func (t *term) from() map[kafka.TP]int64 {
	return map[kafka.TP]int64{
		t.tp(t.topics.Reports()):  t.position.Reports,
		t.tp(t.topics.Commands()): t.position.Commands,
		t.tp(t.topics.Imports()):  t.position.Imports,
	}
}

// readRuns reads the run events from an offset on. It reads all if the topic ends
// before that offset, because the topic was then deleted and created again.
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

// unreadable leaves out a record that cannot be decoded: trying it again and again
// would stop every import of the partition for one record.
func (o *Owner) unreadable(ctx context.Context, r *kafka.Record, err error) {
	o.deps.Observe.Unreadable(ctx, r.Topic)
	o.log.ErrorContext(ctx, "a control record cannot be read and is left out",
		slog.String("topic", r.Topic), slog.Int64("offset", r.Offset), slog.Any("error", err))
}
