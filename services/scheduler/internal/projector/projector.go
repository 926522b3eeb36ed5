// Package projector keeps one control partition's part of the Redis projection
// in step with the log. Redis may be slow, away or emptied: the scheduler never
// waits for it, and what it missed is written later, from the log.
package projector

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	"tapline.dev/domain/projection"
	"tapline.dev/schemas"
)

// Config is what the projector needs to know.
type Config struct {
	Partition int32
	// WriterID is the unique name of this writer.
	WriterID string
	// Every is how often the projector checks Redis while nothing changes.
	Every time.Duration
}

// Deps are what the projector depends on.
type Deps struct {
	Writer *projection.Writer
	// ReadRuns calls fn for the run events of the partition from an offset on, or
	// for all if the log ends before it, oldest first. It returns the log's end.
	ReadRuns func(ctx context.Context, from int64, fn func(schemas.Run)) (int64, error)
	Log      *slog.Logger
	// Outcome counts attempts to write; nil counts nothing.
	Outcome func(ctx context.Context, err error)
}

// Projector writes to Redis what Put gave it. One goroutine calls Put, another Run.
type Projector struct {
	cfg  Config
	deps Deps
	wake chan struct{}

	mu                sync.Mutex
	runs              map[string]schemas.Run      // not yet written, newest value of each
	listings          map[string]*schemas.Listing // all of them
	unwrittenListings map[string]bool             // imports whose listing is not yet written
	knownEvents       int64                       // every run event below this offset is in Redis or in runs

	completeWrite string // of the complete write of this part of Redis; "" until it is known to be complete
	// written is the newest progress that is known to be in Redis. attempted is the one of
	// the newest write, which may be in Redis although Redis did not answer.
	written, attempted projection.Progress
	failing            bool

	behind behind
}

// New returns a projector that knows nothing yet.
func New(cfg Config, deps Deps) *Projector {
	return &Projector{
		cfg: cfg, deps: deps, wake: make(chan struct{}, 1),
		runs: map[string]schemas.Run{}, listings: map[string]*schemas.Listing{}, unwrittenListings: map[string]bool{},
		behind: behind{since: time.Now()}, // until a first write it is not known what Redis shows
	}
}

// Put takes in what the log now says: runs, listings by import, nil for an import
// that is gone, and the offset after the runs' events, 0 if there are none. It
// never blocks.
func (p *Projector) Put(runs []schemas.Run, listings map[string]*schemas.Listing, next int64) {
	p.mu.Lock()
	p.knownEvents = max(p.knownEvents, next)
	for _, r := range runs {
		p.runs[r.Run] = r
	}
	for name, l := range listings {
		p.listings[name], p.unwrittenListings[name] = l, true
	}
	p.behind.note(time.Now())
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// Run writes until ctx ends, and what is pending then in a last try.
func (p *Projector) Run(ctx context.Context) {
	ticker := time.NewTicker(p.cfg.Every)
	defer ticker.Stop()
	for {
		p.reportOutcome(ctx, p.writePending(ctx))
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.cfg.Every)
			defer cancel()
			p.reportOutcome(last, p.writePending(last))
			return
		case <-p.wake:
		case <-ticker.C:
		}
		// After a failure the ticker alone sets the pace.
		if p.failing {
			select {
			case <-ticker.C:
			case <-ctx.Done():
			}
		}
	}
}

func (p *Projector) reportOutcome(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	if p.deps.Outcome != nil {
		p.deps.Outcome(ctx, err)
	}
	if err != nil && !p.failing {
		p.deps.Log.WarnContext(ctx, "the projection lags until Redis answers", slog.Int("partition", int(p.cfg.Partition)), slog.Any("error", err))
	}
	if err == nil && p.failing {
		p.deps.Log.InfoContext(ctx, "the projection is up to date again", slog.Int("partition", int(p.cfg.Partition)))
	}
	p.failing = err != nil
}

// writeWhatLacks writes what is pending, or everything if Redis does not hold it.
func (p *Projector) writeWhatLacks(ctx context.Context) error {
	// The progress is read first: AdvanceProgress compares with it to detect another writer.
	found, err := p.deps.Writer.Progress(ctx, p.cfg.Partition)
	if err != nil {
		return fmt.Errorf("checking the projection: %w", err)
	}
	completeWrite, err := p.deps.Writer.CompleteWrite(ctx, p.cfg.Partition)
	if err != nil {
		return fmt.Errorf("checking the projection: %w", err)
	}
	pending, known := p.pending()
	switch {
	case p.completeWrite == "" && completeWrite != "" && found != (projection.Progress{}):
		return p.takeOverComplete(ctx, completeWrite, found)
	case p.completeWrite != "" && found.Offset > known:
		// Another owner has written events that this one does not know. So this owner
		// is fenced, and its values are old.
		return nil
	case completeWrite == "" || completeWrite != p.completeWrite || found != p.written && found != p.attempted:
		return p.rewrite(ctx, found)
	case !pending:
		return nil
	}
	advanced, err := p.flush(ctx, found)
	if err == nil && !advanced {
		// Another owner wrote at the same time, and it is not known whose values are
		// in Redis now. The present owner has to write everything again.
		err = p.deps.Writer.Invalidate(ctx, p.cfg.Partition)
	}
	return err
}

func (p *Projector) pending() (pending bool, known int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.runs) > 0 || len(p.unwrittenListings) > 0, p.knownEvents
}

// takeOverComplete takes over a part of Redis that an earlier owner has written completely.
// It writes only the run events that came since.
func (p *Projector) takeOverComplete(ctx context.Context, completeWrite string, found projection.Progress) error {
	missed := map[string]schemas.Run{}
	end, err := p.deps.ReadRuns(ctx, found.Offset, func(r schemas.Run) { missed[r.Run] = r })
	if err != nil {
		return fmt.Errorf("reading run events: %w", err)
	}
	p.mu.Lock()
	p.knownEvents = max(p.knownEvents, end)
	for name, r := range missed {
		if _, newer := p.runs[name]; !newer {
			p.runs[name] = r
		}
	}
	for name := range p.listings {
		p.unwrittenListings[name] = true
	}
	p.mu.Unlock()
	advanced, err := p.flush(ctx, found)
	if err == nil && advanced {
		p.completeWrite = completeWrite
	}
	return err
}

// rewrite writes every run in the log and every listing.
func (p *Projector) rewrite(ctx context.Context, found projection.Progress) error {
	p.deps.Log.InfoContext(ctx, "rewriting the projection from the log", slog.Int("partition", int(p.cfg.Partition)))
	writeID := p.newWriteID()
	if err := p.deps.Writer.BeginWrite(ctx, p.cfg.Partition, writeID); err != nil {
		return fmt.Errorf("rewriting the projection: %w", err)
	}
	p.mu.Lock()
	// Pending runs were committed, so the log holds the same value or a newer one.
	clear(p.runs)
	for name := range p.listings {
		p.unwrittenListings[name] = true
	}
	p.mu.Unlock()
	newest := map[string]schemas.Run{}
	end, err := p.deps.ReadRuns(ctx, 0, func(r schemas.Run) { newest[r.Run] = r })
	if err != nil {
		return fmt.Errorf("reading run events: %w", err)
	}
	for _, r := range newest {
		if err := p.deps.Writer.PutRun(ctx, r); err != nil {
			return fmt.Errorf("rewriting the projection: %w", err)
		}
	}
	p.mu.Lock()
	p.knownEvents = max(p.knownEvents, end)
	p.mu.Unlock()
	// If this fails, completeWrite stays unset, and the next call of writePending checks
	// again for another writer.
	if advanced, err := p.flush(ctx, found); err != nil || !advanced {
		return err
	}
	if err := p.deps.Writer.EndWrite(ctx, p.cfg.Partition, writeID); err != nil {
		return fmt.Errorf("rewriting the projection: %w", err)
	}
	p.completeWrite = writeID
	return nil
}

// newWriteID returns a text that is unique to one write.
func (p *Projector) newWriteID() string {
	return fmt.Sprintf("%s/%d", p.cfg.WriterID, time.Now().UnixNano())
}

// flush writes what is pending, and then the position up to which Redis follows the
// log. The result is false if another owner wrote a position since found was read.
func (p *Projector) flush(ctx context.Context, found projection.Progress) (bool, error) {
	p.mu.Lock()
	runs, dirty := p.runs, p.unwrittenListings
	p.runs, p.unwrittenListings = map[string]schemas.Run{}, map[string]bool{}
	listings := maps.Clone(p.listings)
	next := projection.NewProgress(p.knownEvents, p.newWriteID())
	p.mu.Unlock()
	if err := p.write(ctx, runs, dirty, listings); err != nil {
		p.restore(runs, dirty)
		return false, fmt.Errorf("writing the projection: %w", err)
	}
	p.attempted = next
	advanced, err := p.deps.Writer.AdvanceProgress(ctx, p.cfg.Partition, found, next)
	if err != nil {
		p.restore(runs, dirty)
		return false, fmt.Errorf("noting how far the projection goes: %w", err)
	}
	if advanced {
		p.written = next
	}
	return advanced, nil
}

// restore makes pending again what was not written.
func (p *Projector) restore(runs map[string]schemas.Run, dirty map[string]bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for name, r := range runs {
		if _, newer := p.runs[name]; !newer {
			p.runs[name] = r
		}
	}
	for name := range dirty {
		p.unwrittenListings[name] = true
	}
}

func (p *Projector) write(ctx context.Context, runs map[string]schemas.Run, dirty map[string]bool, listings map[string]*schemas.Listing) error {
	for _, r := range runs {
		if err := p.deps.Writer.PutRun(ctx, r); err != nil {
			return err
		}
	}
	for name := range dirty {
		var err error
		if l := listings[name]; l != nil {
			err = p.deps.Writer.PutListing(ctx, *l)
		} else {
			err = p.deps.Writer.DropListing(ctx, name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
