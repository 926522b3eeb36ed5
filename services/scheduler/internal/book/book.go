// Package book holds what the scheduler knows of the imports of one control
// partition and the rules that change it: definitions, commands, due instants
// and reports go in, and what is to be written to the log comes out. It does no
// input or output and reads no clock.
//
// The caller writes all changes of a step in one transaction. If the transaction
// fails, the caller discards the book and loads a new one from the log.
package book

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"slices"
	"time"

	"tapline.dev/schemas"
	"tapline.dev/services/scheduler/internal/fold"
)

// Config holds the limits and delays of the rules.
type Config struct {
	// MaxAttempts bounds the attempts of a run; RetryDelay is waited before the
	// second and doubles up to RetryMax.
	MaxAttempts int
	RetryDelay  time.Duration
	RetryMax    time.Duration
	// Deadline ends a run without progress, unless its definition says otherwise.
	Deadline time.Duration
	// ProgressEvery is the least time between two events of cumulative counts.
	ProgressEvery time.Duration
	// CatchUpGrace is how late a due instant may be taken up by an import that
	// skips missed ones.
	CatchUpGrace time.Duration
	// AfterGrace is how long a run that comes after other imports waits for theirs
	// to show up, AfterLimit how long for them to close.
	AfterGrace time.Duration
	AfterLimit time.Duration
}

// BeginTrace begins the trace of a run; from is the traceparent of what asked
// for it, or "".
type BeginTrace func(ctx context.Context, importName, run, from string) (traceparent, traceID string)

// Busy reports whether an import of any partition is in a run, or has one waiting
// that was asked for before the given instant.
type Busy func(importName string, before time.Time) bool

// Ended is how an import's newest run ended, nil if it has had none.
type Ended func(importName string) *schemas.EndedRun

// Held reports whether an import's active run waits for a person. If it does not, until
// is when its newest such wait ended, zero if it never waited.
type Held func(importName string) (held bool, until time.Time)

// Deps are what the book depends on.
type Deps struct {
	Log   *slog.Logger
	Trace BeginTrace
	Busy  Busy
	Ended Ended
	Held  Held
}

// Book holds the imports and trials of one control partition. Only one goroutine
// uses it.
type Book struct {
	cfg     Config
	log     *slog.Logger
	trace   BeginTrace
	busy    Busy
	ended   Ended
	waiting Held
	imports map[string]*entry
	order   []*entry        // imports by name; nil when it has changed
	broken  map[string]bool // subjects whose state or fold cannot be read
	reports string          // Kafka's id of the reports topic
	out     Changes
}

// entry is one import, or one trial, which has no definition.
type entry struct {
	name   string
	def    *schemas.Definition // nil once deleted, and while the newest cannot be read
	state  *schemas.State
	fold   *schemas.Fold // of the active run
	last   *schemas.Run  // the newest closed run
	closed []string      // closed runs whose fold is still in the log, oldest first

	unreadable bool // the newest definition cannot be read

	lastEventAt time.Time // of the newest run event
	eventDue    bool      // counts have changed since lastEventAt
	dueKnown    bool      // nextDue has been computed
	nextDue     time.Time // zero: no due instant follows
}

// Changes is what a step has to write.
type Changes struct {
	States       map[string]*schemas.State // by subject; nil deletes the state of a trial that is over
	Folds        map[string]*schemas.Fold  // by run
	DeletedFolds map[string]string         // runs whose fold is deleted, with the name of their import
	Triggers     []schemas.Trigger
	Events       []schemas.Run
	Closed       []Closed
	// Listings are the imports whose listing changed; their definition may be gone.
	Listings map[string]bool

	tooLarge map[string]bool // subjects for which TooLarge was called
}

// Closed is a run that ended in this step.
type Closed struct {
	Run         schemas.Run
	Traceparent string
}

// Empty reports whether there is nothing to write to the log.
func (c *Changes) Empty() bool {
	return len(c.States) == 0 && len(c.Folds) == 0 && len(c.DeletedFolds) == 0 && len(c.Triggers) == 0 && len(c.Events) == 0
}

// New is an empty book.
func New(cfg Config, deps Deps) *Book {
	b := &Book{cfg: cfg, log: deps.Log, trace: deps.Trace, busy: deps.Busy, ended: deps.Ended, waiting: deps.Held, imports: map[string]*entry{}, broken: map[string]bool{}}
	b.clear()
	return b
}

// ReportsTopic is told the id of the reports topic, which each run that begins notes.
func (b *Book) ReportsTopic(id string) { b.reports = id }

// Broken leaves an import or a trial out of the book, because its state or its
// fold cannot be read. Without the state, a definition would start the import from
// nothing, with run numbers that have been used. Without the fold, rows would be
// counted twice or not at all. So nothing is started, closed or written for the
// subject. Reports that arrive meanwhile are never counted: a run that lacks them
// cannot settle, and ends at its deadline once its records can be read again.
// The caller calls Broken before it loads anything else.
func (b *Book) Broken(subject string) { b.broken[subject] = true }

// LoadState takes a state from the log. States come before folds, and folds
// before definitions, of which only the newest is given to Define.
func (b *Book) LoadState(s schemas.State) {
	subject := s.Import
	switch {
	case s.Sample != nil:
		subject = s.Sample.Run
	case s.Active != nil:
		subject = schemas.Subject(s.Import, s.Active.Run)
	}
	if !b.broken[subject] {
		b.entry(subject).state = &s
	}
}

// LoadFold takes a fold from the log.
func (b *Book) LoadFold(f schemas.Fold) {
	subject := schemas.Subject(f.Import, f.Run)
	if b.broken[subject] {
		return
	}
	e := b.entry(subject)
	switch {
	case f.ClosedAs != nil:
		e.closed = append(e.closed, f.Run)
		if e.last == nil || number(f.Run) > number(e.last.Run) {
			e.last = f.ClosedAs
		}
	case e.state != nil && e.state.Active != nil && e.state.Active.Run == f.Run:
		e.fold = &f
	}
}

// LoadDeletion takes in a deletion that no scheduler has acted on yet, whether or
// not a definition follows it.
func (b *Book) LoadDeletion(ctx context.Context, importName string, now time.Time) {
	if e, ok := b.imports[importName]; ok && e.state != nil && e.state.SourceHash != "" {
		b.addMissingFold(ctx, e, now)
		b.Undefine(ctx, importName, now)
	}
}

// Loaded ends loading: what the log says of imports is complete.
func (b *Book) Loaded(ctx context.Context, now time.Time) {
	for _, e := range b.sorted() {
		slices.SortFunc(e.closed, func(x, y string) int { return cmp.Compare(number(x), number(y)) })
		if e.state == nil {
			continue
		}
		b.addMissingFold(ctx, e, now)
		if e.def == nil && !e.unreadable && e.state.SourceHash != "" {
			b.Undefine(ctx, e.name, now)
		}
	}
}

// addMissingFold gives an active run without a fold an empty one. State and fold are
// written in one transaction, so a fold is missing only if its topic was lost.
// The run cannot settle any more and ends at its deadline.
func (b *Book) addMissingFold(ctx context.Context, e *entry, now time.Time) {
	if a := e.state.Active; a != nil && e.fold == nil {
		b.log.ErrorContext(ctx, "the counts of an active run are not in the log", slog.String("run", a.Run))
		e.fold = fold.New(a.Run, e.state.Import, partitions(a.Spec), now)
	}
	if e.fold != nil && e.fold.Waiting != nil && e.fold.WaitingAt == nil {
		e.fold.WaitingAt = &now // an older version of the scheduler did not record it
	}
}

// Take returns the changes since the last call.
func (b *Book) Take() Changes {
	out := b.out
	b.clear()
	return out
}

func (b *Book) clear() {
	b.out = Changes{
		States: map[string]*schemas.State{}, Folds: map[string]*schemas.Fold{}, DeletedFolds: map[string]string{}, Listings: map[string]bool{},
	}
}

// Snapshot returns every listing (nil for a deleted import), and for each import
// the events of its active run, its queued run and its newest closed run.
func (b *Book) Snapshot() ([]schemas.Run, map[string]*schemas.Listing) {
	var runs []schemas.Run
	listings := map[string]*schemas.Listing{}
	for _, e := range b.imports {
		if e.last != nil {
			runs = append(runs, *e.last)
		}
		if e.state != nil && e.state.Active != nil && !schemas.IsPreview(e.state.Active.Run) {
			runs = append(runs, fold.Event(e.fold, e.state.Active))
		}
		if e.state != nil && e.state.Queued != nil {
			runs = append(runs, queuedEvent(e))
		}
		if !e.isTrial() {
			listings[e.name] = b.Listing(e.name)
		}
	}
	return runs, listings
}

func (b *Book) entry(name string) *entry {
	e, ok := b.imports[name]
	if !ok {
		e = &entry{name: name}
		b.imports[name], b.order = e, nil
	}
	return e
}

// sorted returns the imports and trials by name. The caller only reads the slice: most steps
// go through it, several times a second.
func (b *Book) sorted() []*entry {
	if b.order == nil {
		b.order = make([]*entry, 0, len(b.imports))
		for _, name := range slices.Sorted(maps.Keys(b.imports)) {
			b.order = append(b.order, b.imports[name])
		}
	}
	return b.order
}

// stateChanged notes that the state is to be written, and the listing with it.
func (b *Book) stateChanged(e *entry, now time.Time) {
	e.state.UpdatedAt = now
	b.out.States[e.name] = e.state
	if !e.isTrial() {
		b.out.Listings[e.name] = true
	}
}

// addRunEvent notes a run event of the active run. Previews have none.
func (b *Book) addRunEvent(e *entry, now time.Time) {
	if schemas.IsPreview(e.state.Active.Run) {
		return
	}
	b.out.Events = append(b.out.Events, fold.Event(e.fold, e.state.Active))
	e.lastEventAt, e.eventDue = now, false
}

func number(run string) int {
	_, n, err := schemas.ParseRunID(run)
	if err != nil {
		return 0
	}
	return n
}

func partitions(spec schemas.ImportSpec) int {
	if spec.Topic.Partitions > 0 {
		return spec.Topic.Partitions
	}
	return schemas.DefaultPartitions
}
