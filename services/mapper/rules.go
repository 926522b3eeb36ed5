package mapper

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"tapline.dev/domain/mapping"
	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// rules compiles the mapping of each run's attempt, from the definition that
// the run was triggered with and the columns that the extractor found.
type rules struct {
	columnsTable, resourcesTable *kafka.Table

	mu       sync.Mutex
	columns  map[string]schemas.RowSchema            // by columns key
	accounts map[string]schemas.CleverTapAccountSpec // by name
	compiled map[string]*rule                        // newest by columns key
}

// rule is the mapping of one run's attempt.
type rule struct {
	number, attempt int
	mapping         *mapping.Mapping
	clock           int64 // seconds; the time of events without Created On
	problem         error // the mapping does not fit the columns: every row is rejected
}

// errNewerAttempt says that the extractor has begun a newer attempt, so the one
// asked for is closed whatever an older view of the state says.
var errNewerAttempt = errors.New("a newer attempt has begun")

// errNoColumns and errNoClock block the import, see blockedError.
var (
	errNoColumns = errors.New("the columns topic does not name the columns of the run's attempt")
	errNoClock   = errors.New("the clock of the run's attempt cannot be read")
)

func newRules() *rules {
	return &rules{
		columns:  map[string]schemas.RowSchema{},
		accounts: map[string]schemas.CleverTapAccountSpec{},
		compiled: map[string]*rule{},
	}
}

func (r *rules) applyColumns(rec *kafka.Record) {
	var found schemas.RowSchema
	if rec.Value == nil || json.Unmarshal(rec.Value, &found) != nil {
		return // for meets the gap with an error
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.columns[string(rec.Key)] = found
}

func (r *rules) applyResource(rec *kafka.Record) {
	var resource schemas.Resource
	var account schemas.CleverTapAccountSpec
	if rec.Value == nil || json.Unmarshal(rec.Value, &resource) != nil || resource.Kind != schemas.KindCleverTapAccount {
		return
	}
	if json.Unmarshal(resource.Spec, &account) != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.accounts[resource.Metadata.Name] = account
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
	if err := r.resourcesTable.ReadToEnd(ctx); err != nil {
		return nil, err
	}
	clock, err := schemas.ParseInstant(found.Clock)
	if err != nil {
		return nil, errNoClock
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	account := r.accounts[run.Spec.Destination.AccountRef]
	compiled := &rule{number: run.Number, attempt: run.Attempt, clock: clock.Unix()}
	m, problems := mapping.Compile(run.Spec, found.Columns, mapping.OptionsOf(account))
	if len(problems) > 0 {
		compiled.problem = fmt.Errorf("%s: %s", problems[0].Path, problems[0].Message)
	}
	compiled.mapping = m
	r.compiled[key] = compiled
	return compiled, nil
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
	for range 2 {
		r.mu.Lock()
		found, ok := r.columns[key]
		r.mu.Unlock()
		if ok && found.Number == run.Number && found.Attempt == run.Attempt {
			return found, nil
		}
		if ok && (found.Number > run.Number || found.Number == run.Number && found.Attempt > run.Attempt) {
			return found, errNewerAttempt
		}
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		err := r.columnsTable.ReadToEnd(ctx)
		cancel()
		if err != nil {
			return schemas.RowSchema{}, err
		}
	}
	return schemas.RowSchema{}, errNoColumns
}
