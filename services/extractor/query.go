package extractor

import (
	"context"
	"time"

	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/statement"
)

// answer is what became of a statement.
type answer struct {
	res result
	err error
}

// query runs the statement. Once it has gone on for a while its id is reported,
// so that another owner can wait for the same statement.
func (x *extraction) query(ctx context.Context, src source, stmt statement.Statement, started schemas.Started) (result, error) {
	x.journal.Executing(src.Statement)
	defer x.journal.Executing(nil)
	answers, ids := make(chan answer, 1), make(chan string, 1)
	go func() {
		res, err := src.Query(ctx, stmt, func(id string) { ids <- id })
		answers <- answer{res, err}
	}()
	var queryID string
	var early <-chan time.Time
	for {
		select {
		case a := <-answers:
			return a.res, a.err
		case queryID = <-ids:
			early = time.After(x.cfg.EarlyReport)
		case <-early:
			early = nil
			started.QueryID = queryID
			if err := x.journal.Start(ctx, started, nil); err != nil {
				return nil, err
			}
			// From here on the end of this session must not abort the statement.
			src.KeepStatement()
		case <-ctx.Done():
			return nil, x.aborted(ctx, src, queryID, answers)
		}
	}
}

// aborted waits for the session to abort its statement, unless it is to keep
// it alone, and has another session do it if that takes too long.
func (x *extraction) aborted(ctx context.Context, src source, queryID string, answers <-chan answer) error {
	if x.journal.Started() != nil {
		return x.sessions.cancelElsewhere(ctx, queryID, src.ID())
	}
	select {
	case a := <-answers:
		if a.err == nil {
			return context.Cause(ctx)
		}
		return a.err
	case <-time.After(cancelGrace):
		return x.sessions.cancelElsewhere(ctx, queryID, src.ID())
	}
}
