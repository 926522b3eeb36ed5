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
	// Mark names this writer; no other one has it.
	Mark string
	// Every is how often Redis is looked at while nothing changes.
	Every time.Duration
}

// Deps are the projector's.
type Deps struct {
	Writer *projection.Writer
	// ReadRuns calls fn for the run events of the partition from an offset on, or
	// for all if the log ends before it, oldest first. It returns the log's end.
	ReadRuns func(ctx context.Context, from int64, fn func(schemas.Run)) (int64, error)
	Log      *slog.Logger
	// Outcome counts attempts to write; nil counts nothing.
	Outcome func(ctx context.Context, err error)
}

// Projector writes what Put gave it. Put is for one goroutine, Run for another.
type Projector struct {
	cfg  Config
	deps Deps
	wake chan struct{}

	mu       sync.Mutex
	runs     map[string]schemas.Run      // not yet written, newest value of each
	listings map[string]*schemas.Listing // all of them
	dirty    map[string]bool             // imports whose listing is not yet written
	known    int64                       // run events below it are written, or in runs

	mark string // under which this projector knows the part in Redis to be whole; "" not yet
	// upto is what was last written to Redis. tried is what may have been, when
	// Redis did not answer.
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
	// First, because Advance tells from it whether anybody wrote meanwhile.
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
		// Another owner knows more of the log, so this one is fenced, and what it
		// would write is old.
		return nil
	case whole == "" || whole != p.mark || found != p.upto && found != p.tried:
		return p.rewrite(ctx, found)
	case !pending:
		return nil
	}
	advanced, err := p.flush(ctx, found)
	if err == nil && !advanced {
		// Somebody wrote at the same time. Whoever is the owner has to write anew, as
		// nobody knows whose values are the last.
		err = p.deps.Writer.Forget(ctx, p.cfg.Partition)
	}
	return err
}

func (p *Projector) pending() (pending bool, known int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.runs) > 0 || len(p.dirty) > 0, p.known
}

// inherit takes over a part that an earlier owner left whole: it lacks only the
// events since, however many those are.
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
	// What is pending was committed, so the log has it, or something newer.
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
	// Without the mark the next sync looks again, also at who else wrote.
	if advanced, err := p.flush(ctx, found); err != nil || !advanced {
		return err
	}
	if err := p.deps.Writer.Done(ctx, p.cfg.Partition, mark); err != nil {
		return fmt.Errorf("rewriting the projection: %w", err)
	}
	p.mark = mark
	return nil
}

// stamp is a text that no other writing has.
func (p *Projector) stamp() string { return fmt.Sprintf("%s/%d", p.cfg.Mark, time.Now().UnixNano()) }

// flush writes what is pending and notes how far the log is written; false says
// that somebody else did so since found was read.
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
