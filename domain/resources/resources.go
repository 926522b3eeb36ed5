// Package resources follows the resources topic: the connections and accounts
// that imports refer to. Extractor, mapper and loader share it.
package resources

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// Why a resource cannot be used.
var (
	// ErrMissing says that it was never applied, or that it was deleted. What a
	// deleted account allowed is no longer in force.
	ErrMissing = errors.New("it is not defined; apply it")
	// ErrUnreadable says that its newest definition cannot be read. The one before
	// was replaced and must not be used.
	ErrUnreadable = errors.New("its definition cannot be read; apply it again")
)

// resource is a definition by its kind.
type resource struct {
	connection schemas.SnowflakeConnectionSpec
	account    schemas.CleverTapAccountSpec
	freeze     schemas.FreezeSpec
}

// View holds the connections, accounts and freezes as they are defined now. Safe
// for concurrent use.
type View struct {
	table *kafka.Table[resource]

	mu      sync.Mutex
	changed <-chan struct{} // closed once freezes may be out of date
	freezes []Freeze
}

// Freeze is a freeze in force.
type Freeze struct {
	Name string
	schemas.FreezeSpec
}

// Open connects lazily; Run follows.
func Open(cfg kafka.Config, deps kafka.Deps) (*View, error) {
	table, err := kafka.OpenTable(cfg, deps, tableConfig(schemas.NewTopics(cfg.Prefix)))
	if err != nil {
		return nil, err
	}
	return &View{table: table}, nil
}

// New returns a view that follows nothing; Apply fills it.
func New(deps kafka.Deps) *View {
	return &View{table: kafka.NewTable(deps, tableConfig(schemas.NewTopics("")))}
}

func tableConfig(topics schemas.Topics) kafka.TableConfig[resource] {
	return kafka.TableConfig[resource]{Topic: topics.Resources(), Decode: decode, Select: func(key string) bool {
		kind, _, _ := strings.Cut(key, "/")
		return kind == schemas.KindSnowflakeConnection || kind == schemas.KindCleverTapAccount || kind == schemas.KindFreeze
	}}
}

// decode reads the definition and what it defines: a definition whose spec
// cannot be read is as unreadable as one that is no JSON.
func decode(key string, value []byte) (r resource, err error) {
	var definition schemas.Resource
	if err := json.Unmarshal(value, &definition); err != nil {
		return r, err
	}
	switch kind, _, _ := strings.Cut(key, "/"); kind {
	case schemas.KindCleverTapAccount:
		err = json.Unmarshal(definition.Spec, &r.account)
	case schemas.KindFreeze:
		err = json.Unmarshal(definition.Spec, &r.freeze)
	default:
		err = json.Unmarshal(definition.Spec, &r.connection)
	}
	return r, err
}

// Run follows until ctx ends.
func (v *View) Run(ctx context.Context) error { return v.table.Run(ctx) }

// ReadToEnd returns once every definition that was in the topic at the call is
// in the view.
func (v *View) ReadToEnd(ctx context.Context) error { return v.table.ReadToEnd(ctx) }

// Age is how long ago the view was last known to hold everything.
func (v *View) Age() time.Duration { return v.table.Age() }

// Confirm reads the topic to its end unless that was done within the given time.
func (v *View) Confirm(ctx context.Context, within time.Duration) error {
	return v.table.Confirm(ctx, within)
}

// Apply takes records of the topic in; see kafka.Table.
func (v *View) Apply(records ...*kafka.Record) { v.table.Apply(records...) }

// Account returns an account as it is defined now, or ErrMissing or
// ErrUnreadable.
func (v *View) Account(name string) (schemas.CleverTapAccountSpec, error) {
	r, err := v.get(schemas.KindCleverTapAccount, name)
	return r.account, err
}

// AccountVersion returns a number that changes each time the account is applied,
// even if it is applied unchanged: a person who applies it again wants its
// secrets to be read again. Read the version before the account.
func (v *View) AccountVersion(name string) int64 {
	return v.table.Version(schemas.ResourceKey(schemas.KindCleverTapAccount, name))
}

// Connection returns a connection as it is defined now, or ErrMissing or
// ErrUnreadable.
func (v *View) Connection(name string) (schemas.SnowflakeConnectionSpec, error) {
	r, err := v.get(schemas.KindSnowflakeConnection, name)
	return r.connection, err
}

// Freezes returns the freezes in force, sorted by name. A freeze that cannot be
// read holds everything: what it was meant to hold is not known, and a record
// that was sent cannot be taken back.
func (v *View) Freezes() []Freeze {
	v.mu.Lock()
	defer v.mu.Unlock()
	select {
	case <-v.changed:
	default:
		if v.changed != nil {
			return v.freezes
		}
	}
	// Changed is taken before the values are read: a change between the two is then
	// noticed twice, and never missed.
	v.changed = v.table.Changed()
	v.freezes = nil
	for _, key := range v.table.Keys() {
		name, ok := strings.CutPrefix(key, schemas.KindFreeze+"/")
		if !ok {
			continue
		}
		r, found, err := v.table.Get(key)
		switch {
		case err != nil:
			v.freezes = append(v.freezes, Freeze{name, schemas.FreezeSpec{Reason: "its definition cannot be read; unfreeze it"}})
		case found:
			v.freezes = append(v.freezes, Freeze{name, r.freeze})
		}
	}
	slices.SortFunc(v.freezes, func(a, b Freeze) int { return strings.Compare(a.Name, b.Name) })
	return v.freezes
}

func (v *View) get(kind, name string) (resource, error) {
	r, found, err := v.table.Get(schemas.ResourceKey(kind, name))
	switch {
	case err != nil:
		return resource{}, fmt.Errorf("%s %s: %w: %w", kind, name, ErrUnreadable, err)
	case !found:
		return resource{}, fmt.Errorf("%s %s: %w", kind, name, ErrMissing)
	}
	return r, nil
}
