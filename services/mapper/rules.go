package mapper

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"tapline.dev/domain/mapping"
	"tapline.dev/domain/resources"
	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// rules compiles the mapping of each run's attempt, from the definition that
// the run was triggered with and the columns that the extractor found.
type rules struct {
	columns   *kafka.Table[schemas.RowSchema] // by columns key
	resources *resources.View

	mu       sync.Mutex
	compiled map[string]*rule // newest by columns key
}

// rule is the mapping of one run's attempt.
type rule struct {
	number, attempt int
	mapping         *mapping.Mapping
	clock           int64 // seconds; the time of events without Created On
	problem         error // the mapping does not fit the columns: every row is rejected
}

// errNewerAttempt says that the extractor has begun a newer attempt. The attempt
// that was asked for is closed then, even if the state as read so far does not say
// so yet.
var errNewerAttempt = errors.New("a newer attempt has begun")

// errNoColumns, errBadColumns, errNoClock and errBadAccount block the import, see
// blockedError.
var (
	errNoColumns  = errors.New("the columns topic does not name the columns of the run's attempt")
	errBadColumns = errors.New("the columns of the import cannot be read")
	errNoClock    = errors.New("the clock of the run's attempt cannot be read")
	errBadAccount = errors.New("the definition of the import's account cannot be read; apply it again")
)

func openRules(cfg kafka.Config, deps kafka.Deps) (*rules, error) {
	columns, err := kafka.OpenTable(cfg, deps, kafka.TableConfig[schemas.RowSchema]{Topic: schemas.NewTopics(cfg.Prefix).Columns()})
	if err != nil {
		return nil, err
	}
	view, err := resources.Open(cfg, deps)
	if err != nil {
		return nil, err
	}
	return &rules{columns: columns, resources: view, compiled: map[string]*rule{}}, nil
}

// run follows the columns and the accounts until ctx ends.
func (r *rules) run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return r.columns.Run(ctx) })
	group.Go(func() error { return r.resources.Run(ctx) })
	return group.Wait()
}

// forRun returns the rule of a run's attempt, compiled once.
func (r *rules) forRun(ctx context.Context, subject string, run *schemas.ActiveRun) (*rule, error) {
	key := schemas.ColumnsKey(subject)
	if rule := r.cached(key, run); rule != nil {
		return rule, nil
	}
	found, err := r.columnsOf(ctx, key, run)
	if err != nil {
		return nil, err
	}
	account, err := r.accountOf(ctx, run)
	if err != nil {
		return nil, err
	}
	clock, err := schemas.ParseInstant(found.Clock)
	if err != nil {
		return nil, errNoClock
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	compiled := &rule{number: run.Number, attempt: run.Attempt, clock: clock.Unix()}
	m, problems := mapping.CompileWithout(run.Spec, found.Columns, found.Gone, mapping.OptionsOf(account))
	if len(problems) > 0 {
		compiled.problem = fmt.Errorf("%s: %s", problems[0].Path, problems[0].Message)
	}
	compiled.mapping = m
	r.compiled[key] = compiled
	return compiled, nil
}

// accountOf returns the account that bounds the mapping. Without one the defaults
// bound it: the loader reports the missing account and sends nothing.
func (r *rules) accountOf(ctx context.Context, run *schemas.ActiveRun) (schemas.CleverTapAccountSpec, error) {
	if err := r.resources.ReadToEnd(ctx); err != nil {
		return schemas.CleverTapAccountSpec{}, err
	}
	account, err := r.resources.Account(run.Spec.Destination.AccountRef)
	switch {
	case errors.Is(err, resources.ErrMissing):
		return schemas.CleverTapAccountSpec{}, nil
	case err != nil:
		return schemas.CleverTapAccountSpec{}, fmt.Errorf("%w: %w", errBadAccount, err)
	}
	return account, nil
}

func (r *rules) cached(key string, run *schemas.ActiveRun) *rule {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c := r.compiled[key]; c != nil && c.number == run.Number && c.attempt == run.Attempt {
		return c
	}
	return nil
}

// columnsOf returns the columns of a run's attempt. The extractor writes them
// before the attempt's first row, so whoever has a row finds them in the topic.
func (r *rules) columnsOf(ctx context.Context, key string, run *schemas.ActiveRun) (schemas.RowSchema, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for read := false; ; read = true {
		found, ok, err := r.columns.Get(key)
		switch {
		case ok && found.Number == run.Number && found.Attempt == run.Attempt:
			return found, nil
		case ok && (found.Number > run.Number || found.Number == run.Number && found.Attempt > run.Attempt):
			return found, errNewerAttempt
		case read && err != nil:
			return schemas.RowSchema{}, fmt.Errorf("%w: %w", errBadColumns, err)
		case read:
			return schemas.RowSchema{}, errNoColumns
		}
		if err := r.columns.ReadToEnd(ctx, schemas.ControlPartition(schemas.ImportOf(key))); err != nil {
			return schemas.RowSchema{}, err
		}
	}
}
