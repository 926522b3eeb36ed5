package extractor

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/attempt"
	"tapline.dev/services/extractor/internal/failure"
	"tapline.dev/services/extractor/internal/journal"
)

// tables answers with the databases, schemas or tables that a connection sees. It
// reads no rows.
type tables struct {
	sessions sessions
	journal  *journal.Journal
	attempt  attempt.Attempt
	log      *slog.Logger
	// maxRecord bounds the answer, which is one record.
	maxRecord int
}

func (l *tables) read(ctx context.Context) error {
	q := l.attempt.Run.Tables
	if q == nil {
		return failure.Permanent(failure.CodeQueryRefused, "the command says nothing of what is to be listed")
	}
	conn, err := l.sessions.connection(ctx)
	if err != nil {
		return err
	}
	return l.sessions.with(ctx, conn, func(src source) error {
		began := time.Now()
		found, err := src.Tables(ctx, *q)
		if err != nil {
			return err
		}
		if err := fitTables(&found, l.maxRecord); err != nil {
			return err
		}
		found.Millis = time.Since(began).Milliseconds()
		if err := l.journal.Answer(ctx, nil, schemas.Report{Kind: schemas.ReportTables, Tables: &found}); err != nil {
			return fmt.Errorf("answering with tables: %w", err)
		}
		l.log.InfoContext(ctx, "tables listed", slog.Int("items", len(found.Items)))
		return nil
	})
}

// fitTables shortens a listing to what a record holds: the rest is the next page.
func fitTables(found *schemas.TableList, maxRecord int) error {
	room := maxRecord / 2
	for i, item := range found.Items {
		text, err := json.Marshal(item)
		if err != nil {
			return fmt.Errorf("encoding a table: %w", err)
		}
		if room -= len(text) + 1; room >= 0 {
			continue
		}
		if i == 0 {
			return failure.Permanent(failure.CodeTooManyColumns, "the table has %d columns, more than an answer holds", len(item.Columns))
		}
		found.Items, found.Next = found.Items[:i], &found.Items[i-1].TablePlace
		return nil
	}
	return nil
}

func (l *tables) stopped(ctx context.Context) error { return context.Cause(ctx) }
