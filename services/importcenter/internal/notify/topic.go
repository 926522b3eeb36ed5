package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"

	"tapline.dev/domain/control"
	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// read fills the book with what was told.
func (s *sender) read(ctx context.Context) error {
	tp := kafka.TP{Topic: s.deps.Topics.Notifications()}
	_, err := s.deps.Reader.ReadTo(ctx, tp, 0, func(r *kafka.Record) error {
		delete(s.unknown, string(r.Key))
		if len(r.Value) == 0 {
			delete(s.book, string(r.Key))
			return nil
		}
		var e schemas.Notified
		if json.Unmarshal(r.Value, &e) != nil {
			// One that cannot be read must not keep the others from being told. What the import
			// is now is told anew.
			s.deps.Log.WarnContext(ctx, "what was told of an import cannot be read", slog.String("key", string(r.Key)), slog.Int64("offset", r.Offset))
			delete(s.book, string(r.Key))
			return nil
		}
		s.book[string(r.Key)], s.unknown[string(r.Key)] = e, schemas.UnknownOf[schemas.Notified](r.Value)
		return nil
	})
	return err
}

// write makes changes durable in one transaction, and then the book's. nil deletes.
func (s *sender) write(ctx context.Context, changes map[string]*schemas.Notified) error {
	if len(changes) == 0 {
		return nil
	}
	records := make([]*kafka.Record, 0, len(changes))
	for _, key := range slices.Sorted(maps.Keys(changes)) {
		record := &kafka.Record{Topic: s.deps.Topics.Notifications(), Key: []byte(key)}
		if e := changes[key]; e != nil {
			var err error
			if record, err = control.Record(s.deps.Topics.Notifications(), e.Import, key, e, schemas.EventNotified, "importcenter"); err != nil {
				return err
			}
			if record.Value, err = schemas.AddTo[schemas.Notified](s.unknown[key], record.Value); err != nil {
				return err
			}
		}
		record.Partition = 0
		records = append(records, record)
	}
	if err := s.tx.Begin(); err != nil {
		return err
	}
	s.tx.Produce(records...)
	if err := s.tx.Commit(ctx); err != nil {
		return fmt.Errorf("writing what is told: %w", err)
	}
	for key, e := range changes {
		if e == nil {
			delete(s.book, key)
			delete(s.unknown, key)
		} else {
			s.book[key] = *e
		}
	}
	return nil
}
