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

	"tapline.dev/libs/projection"
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
	// ReadRuns calls fn for every run event of the partition, oldest first, to the
	// end of the log.
	ReadRuns func(ctx context.Context, fn func(schemas.Run)) error
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

	mark string // under which the part in Redis is whole; "" not yet known
	down bool
}

// New returns a projector that knows nothing yet.
func New(cfg Config, deps Deps) *Projector {
	return &Projector{
		cfg: cfg, deps: deps, wake: make(chan struct{}, 1),
		runs: map[string]schemas.Run{}, listings: map[string]*schemas.Listing{}, dirty: map[string]bool{},
	}
}

// Put takes in what the log now says: runs, and listings by import, nil for an
// import that is gone. It never blocks.
func (p *Projector) Put(runs []schemas.Run, listings map[string]*schemas.Listing) {
	p.mu.Lock()
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
	whole, err := p.deps.Writer.Whole(ctx, p.cfg.Partition)
	if err != nil {
		return fmt.Errorf("checking the projection: %w", err)
	}
	if p.mark == "" {
		// A part that an earlier owner left whole lacks only what was put since.
		p.mark = whole
	}
	if whole == "" || whole != p.mark {
		return p.rewrite(ctx)
	}
	return p.flush(ctx)
}

// rewrite writes every run in the log and every listing.
func (p *Projector) rewrite(ctx context.Context) error {
	p.deps.Log.InfoContext(ctx, "writing the projection anew from the log", slog.Int("partition", int(p.cfg.Partition)))
	mark := fmt.Sprintf("%s/%d", p.cfg.Mark, time.Now().UnixNano())
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
	err := p.deps.ReadRuns(ctx, func(r schemas.Run) { newest[r.Run] = r })
	if err != nil {
		return fmt.Errorf("reading run events: %w", err)
	}
	for _, r := range newest {
		if err := p.deps.Writer.PutRun(ctx, r); err != nil {
			return fmt.Errorf("rewriting the projection: %w", err)
		}
	}
	if err := p.flush(ctx); err != nil {
		return err
	}
	if err := p.deps.Writer.Done(ctx, p.cfg.Partition, mark); err != nil {
		return fmt.Errorf("rewriting the projection: %w", err)
	}
	p.mark = mark
	return nil
}

func (p *Projector) flush(ctx context.Context) error {
	p.mu.Lock()
	runs, dirty := p.runs, p.dirty
	p.runs, p.dirty = map[string]schemas.Run{}, map[string]bool{}
	listings := maps.Clone(p.listings)
	p.mu.Unlock()
	err := p.write(ctx, runs, dirty, listings)
	if err == nil {
		return nil
	}
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
	return fmt.Errorf("writing the projection: %w", err)
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
