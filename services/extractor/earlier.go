package extractor

import (
	"context"
	"encoding/hex"
	"log/slog"
	"time"

	"tapline.dev/libs/backoff"
	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/attempt"
	"tapline.dev/services/extractor/internal/chunk"
	"tapline.dev/services/extractor/internal/delivered"
	"tapline.dev/services/extractor/internal/journal"
	"tapline.dev/services/extractor/internal/ledger"
	"tapline.dev/services/extractor/internal/plan"
	"tapline.dev/services/extractor/internal/statement"
)

// lookBackFor is how long an attempt tries to read what earlier ones have loaded.
// After that their events are counted and sent again: a partition that cannot be
// read must not stop the import for good.
const lookBackFor = 10 * time.Minute

// earlier knows which rows attempts without success have loaded, of an import of
// events.
type earlier struct {
	reader  delivered.Log
	topics  schemas.Topics
	attempt attempt.Attempt
	limit   int // of rows
	log     *slog.Logger
	found   *delivered.Found // once it has been read
}

// loadedRows are the rows that are left out.
type loadedRows struct {
	same    []ledger.Fingerprint // under the run's mapping
	others  []chunk.Other        // under other mappings
	unknown int64                // events whose rows are not known
}

// count is how many rows there are.
func (l *loadedRows) count() int64 { return int64(len(l.same)) + l.ofOthers() }

func (l *loadedRows) ofOthers() (n int64) {
	for _, other := range l.others {
		n += other.Rows.Len()
	}
	return n
}

// rows finds the rows that were loaded, for a result that r reads, and notes in e that it
// has looked.
func (p *earlier) rows(ctx context.Context, r *plan.Reader, e *schemas.Extraction) (*loadedRows, error) {
	runs := p.attempt.Earlier()
	if len(runs) == 0 {
		return &loadedRows{}, nil
	}
	if p.found == nil {
		found, err := p.find(ctx, runs)
		if err != nil {
			return nil, err
		}
		p.found = &found
	}
	e.LookedBack = true
	out := &loadedRows{unknown: p.found.Untold}
	for _, set := range p.found.Sets {
		if set.Mapping == hex.EncodeToString(r.Hash[:]) {
			out.same = set.Rows
			continue
		}
		if hasher := hasherOf(set, r); hasher != nil {
			out.others = append(out.others, chunk.Other{Hasher: hasher, Rows: ledger.Multiset(set.Rows)})
			continue
		}
		out.unknown += int64(len(set.Rows))
	}
	return out, nil
}

// find reads the log, and retries after a transient error.
func (p *earlier) find(ctx context.Context, runs []schemas.InterruptedRun) (delivered.Found, error) {
	const longest = 30 * time.Second
	began := time.Now()
	for wait := time.Second; ; wait = min(2*wait, longest) {
		found, err := delivered.Find(ctx, p.reader, delivered.Question{
			Import: p.attempt.Import, Topics: p.topics, Runs: runs, Limit: p.limit, Slack: journal.ClockSlack,
		})
		if err == nil {
			return found, nil
		}
		if ctx.Err() != nil {
			return found, context.Cause(ctx)
		}
		if kafka.Refused(err) || time.Since(began) > lookBackFor {
			p.log.WarnContext(ctx, "what earlier attempts have loaded cannot be read: their events are sent again", slog.Any("error", err))
			return found, nil
		}
		p.log.WarnContext(ctx, "what earlier attempts have loaded cannot be read; it is tried again", slog.Any("error", err))
		if backoff.Wait(ctx, wait) != nil {
			return found, context.Cause(ctx)
		}
	}
}

// hasherOf makes fingerprints as the mapping of the set made them; nil if the result
// lacks one of its columns.
//
// A row of an event import is the same occurrence under every mapping: an event that
// was loaded under an older mapping stays as it is in CleverTap.
func hasherOf(set delivered.Set, r *plan.Reader) *ledger.Hasher {
	hash, err := hex.DecodeString(set.Mapping)
	if err != nil || len(hash) != len(r.Hash) || len(set.Columns) == 0 {
		return nil
	}
	var columns []int
	for _, name := range set.Columns {
		i, ok := statement.Resolve(r.Columns[:r.Visible], name)
		if !ok {
			return nil
		}
		columns = append(columns, i)
	}
	return ledger.NewHasher([16]byte(hash), columns)
}

// recall returns the ledgers of a backfill. It has none of its own and reads no earlier
// run's: they hold only what abandoned attempts have loaded.
func (p *earlier) recall(ctx context.Context, r *plan.Reader, e *schemas.Extraction) (chunk.Ledgers, error) {
	rows, err := p.rows(ctx, r, e)
	if err != nil {
		return chunk.Ledgers{}, err
	}
	if e.Chunks > 0 {
		// Nothing says which of the rows the first chunks have left out.
		e.SentAgain = max(e.SentAgain, rows.unknown+rows.count()-e.LeftOut)
		return chunk.Ledgers{}, nil
	}
	e.SentAgain = rows.unknown
	var none *ledger.Previous
	return chunk.Ledgers{Previous: none.With(rows.same), Others: rows.others}, nil
}
