package extractor

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/journal"
)

// connectionTest signs in and answers with what the connection turned out to be.
type connectionTest struct {
	sessions sessions
	journal  *journal.Journal
	log      *slog.Logger
}

func (c *connectionTest) read(ctx context.Context) error {
	conn, err := c.sessions.connection(ctx)
	if err != nil {
		return err
	}
	return c.sessions.with(ctx, conn, func(src source) error {
		began := time.Now()
		found, err := src.Standing(ctx)
		if err != nil {
			return err
		}
		found.Millis = time.Since(began).Milliseconds()
		if err := c.journal.Answer(ctx, nil, schemas.Report{Kind: schemas.ReportConnection, Connection: &found}); err != nil {
			return fmt.Errorf("answering a connection test: %w", err)
		}
		c.log.InfoContext(ctx, "connection tested", slog.Int("privileges", len(found.Privileges)))
		return nil
	})
}

func (c *connectionTest) stopped(ctx context.Context) error { return context.Cause(ctx) }
