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
	// Mark is the unique name of this writer.
	Mark string
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

	mu       sync.Mutex
	runs     map[string]schemas.Run      // not yet written, newest value of each
	listings map[string]*schemas.Listing // all of them
	dirty    map[string]bool             // imports whose listing is not yet written
	known    int64                       // every run event below this offset is in Redis or in runs

	mark string // of the complete write of this part of Redis; "" until it is known to be complete
	// upto is the newest position that is known to be in Redis. tried is the position
	// of the newest attempt, which may be in Redis although Redis did not answer.
	upto, tried projection.Upto
	down        bool
}

// New returns a projector that knows nothing yet.
func New(cfg Config, deps Deps) *Projector {
	return &Projector{
		cfg: cfg, deps: deps, wake: make(chan struct{}, 1),
		runs: map[string]schemas.Run{}, listings: map[string]*schemas.Listing{}, dirty: map[string]bool{},
	}
}

// Put takes in what the log now says: runs, listings by import, nil for an import
// that is gone, and the offset after the runs' events, 0 if there are none. It
// never blocks.
func (p *Projector) Put(runs []schemas.Run, listings map[string]*schemas.Listing, next int64) {
	p.mu.Lock()
	p.known = max(p.known, next)
	for _, r := range runs {
		p.runs[r.Run] = r
	}
	for name, l := range listings {
		p.listings[name], p.dirty[name] = l, true
	}
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
		p.note(ctx, p.sync(ctx))
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.cfg.Every)
			defer cancel()
			p.note(last, p.sync(last))
			return
		case <-p.wake:
		case <-ticker.C:
		}
		// After a failure the ticker alone sets the pace.
		if p.down {
			select {
			case <-ticker.C:
			case <-ctx.Done():
			}
		}
	}
}

func (p *Projector) note(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	if p.deps.Outcome != nil {
		p.deps.Outcome(ctx, err)
	}
	if err != nil && !p.down {
		p.deps.Log.WarnContext(ctx, "the projection lags until Redis answers", slog.Int("partition", int(p.cfg.Partition)), slog.Any("error", err))
	}
	if err == nil && p.down {
		p.deps.Log.InfoContext(ctx, "the projection is up to date again", slog.Int("partition", int(p.cfg.Partition)))
	}
	p.down = err != nil
}

// sync writes what is pending, or everything if Redis does not hold it.
func (p *Projector) sync(ctx context.Context) error {
	// Upto is read first: Advance compares with it to detect another writer.
	found, err := p.deps.Writer.Upto(ctx, p.cfg.Partition)
	if err != nil {
		return fmt.Errorf("checking the projection: %w", err)
	}
	whole, err := p.deps.Writer.Whole(ctx, p.cfg.Partition)
	if err != nil {
		return fmt.Errorf("checking the projection: %w", err)
	}
	pending, known := p.pending()
	switch {
	case p.mark == "" && whole != "" && found != (projection.Upto{}):
		return p.inherit(ctx, whole, found)
	case p.mark != "" && found.Offset > known:
		// Another owner has written events that this one does not know. So this owner
		// is fenced, and its values are old.
		return nil
	case whole == "" || whole != p.mark || found != p.upto && found != p.tried:
		return p.rewrite(ctx, found)
	case !pending:
		return nil
	}
	advanced, err := p.flush(ctx, found)
	if err == nil && !advanced {
		// Another owner wrote at the same time, and it is not known whose values are
		// in Redis now. The present owner has to write everything again.
		err = p.deps.Writer.Forget(ctx, p.cfg.Partition)
	}
	return err
}

func (p *Projector) pending() (pending bool, known int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.runs) > 0 || len(p.dirty) > 0, p.known
}

// inherit takes over a part of Redis that an earlier owner has written completely.
// It writes only the run events that came since.
func (p *Projector) inherit(ctx context.Context, whole string, found projection.Upto) error {
	missed := map[string]schemas.Run{}
	end, err := p.deps.ReadRuns(ctx, found.Offset, func(r schemas.Run) { missed[r.Run] = r })
	if err != nil {
		return fmt.Errorf("reading run events: %w", err)
	}
	p.mu.Lock()
	p.known = max(p.known, end)
	for name, r := range missed {
		if _, newer := p.runs[name]; !newer {
			p.runs[name] = r
		}
	}
	for name := range p.listings {
		p.dirty[name] = true
	}
	p.mu.Unlock()
	advanced, err := p.flush(ctx, found)
	if err == nil && advanced {
		p.mark = whole
	}
	return err
}

// rewrite writes every run in the log and every listing.
func (p *Projector) rewrite(ctx context.Context, found projection.Upto) error {
	p.deps.Log.InfoContext(ctx, "writing the projection anew from the log", slog.Int("partition", int(p.cfg.Partition)))
	mark := p.stamp()
	if err := p.deps.Writer.Begin(ctx, p.cfg.Partition, mark); err != nil {
		return fmt.Errorf("rewriting the projection: %w", err)
	}
	p.mu.Lock()
	// Pending runs were committed, so the log holds the same value or a newer one.
	clear(p.runs)
	for name := range p.listings {
		p.dirty[name] = true
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
	p.known = max(p.known, end)
	p.mu.Unlock()
	// If this fails, the mark stays unset, and the next sync checks again for another
	// writer.
	if advanced, err := p.flush(ctx, found); err != nil || !advanced {
		return err
	}
	if err := p.deps.Writer.Done(ctx, p.cfg.Partition, mark); err != nil {
		return fmt.Errorf("rewriting the projection: %w", err)
	}
	p.mark = mark
	return nil
}

// stamp returns a text that is unique to one write.
func (p *Projector) stamp() string { return fmt.Sprintf("%s/%d", p.cfg.Mark, time.Now().UnixNano()) }

// flush writes what is pending, and then the position up to which Redis follows the
// log. The result is false if another owner wrote a position since found was read.
func (p *Projector) flush(ctx context.Context, found projection.Upto) (bool, error) {
	p.mu.Lock()
	runs, dirty := p.runs, p.dirty
	p.runs, p.dirty = map[string]schemas.Run{}, map[string]bool{}
	listings := maps.Clone(p.listings)
	next := projection.NewUpto(p.known, p.stamp())
	p.mu.Unlock()
	if err := p.write(ctx, runs, dirty, listings); err != nil {
		p.restore(runs, dirty)
		return false, fmt.Errorf("writing the projection: %w", err)
	}
	p.tried = next
	advanced, err := p.deps.Writer.Advance(ctx, p.cfg.Partition, found, next)
	if err != nil {
		p.restore(runs, dirty)
		return false, fmt.Errorf("noting how far the projection goes: %w", err)
	}
	if advanced {
		p.upto = next
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
		p.dirty[name] = true
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
