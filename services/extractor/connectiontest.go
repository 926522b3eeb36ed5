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
	// maxRecord bounds the answer: a role may have any number of privileges.
	maxRecord int
}

func (c *connectionTest) read(ctx context.Context) error {
	conn, err := c.sessions.connection(ctx)
	if err != nil {
		return err
	}
	return c.sessions.with(ctx, conn, func(src source) error {
		began := time.Now()
		found, err := src.SessionFacts(ctx)
		if err != nil {
			return err
		}
		trim(&found, c.maxRecord)
		found.Millis = time.Since(began).Milliseconds()
		if err := c.journal.Answer(ctx, nil, schemas.Report{Kind: schemas.ReportConnection, Connection: &found}); err != nil {
			return fmt.Errorf("answering a connection test: %w", err)
		}
		c.log.InfoContext(ctx, "connection tested", slog.Int("privileges", len(found.Privileges)))
		return nil
	})
}

// trim leaves out the privileges that would make the answer larger than a record.
func trim(found *schemas.ConnectionTest, maxRecord int) {
	room := maxRecord / 2
	for i, p := range found.Privileges {
		if room -= 2*len(p) + len(`"",`); room < 0 {
			found.Privileges, found.Unseen = found.Privileges[:i], "the role has more privileges than an answer holds"
			return
		}
	}
}

func (c *connectionTest) stopped(ctx context.Context) error { return context.Cause(ctx) }
