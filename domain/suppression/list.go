// Package suppression knows the people who must not be sent to an account: it
// follows the suppressions topic, which holds keyed hashes of their identities.
// Import Center, extractor, mapper and loader share it.
package suppression

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// ErrUnreadable says that the key of a record in the topic cannot be read. The record may
// suppress anybody, so that nobody counts as not suppressed until it is deleted.
var ErrUnreadable = errors.New("a record of the suppressions topic cannot be read; delete its key")

// maxUnreadable bounds how many keys of such records are kept. Beyond it their deletion is
// noticed only when the process starts again.
const maxUnreadable = 1000

// set is the entries made with one key: for each hash the second in which it was added, 0
// if that cannot be read. It holds no pointers, so that the garbage collector does not scan
// it.
type set map[schemas.SuppressionHash]uint32

// List is the suppression list as the topic holds it now. Safe for concurrent use.
type List struct {
	log      *slog.Logger
	keys     []key
	follower *kafka.Follower
	version  atomic.Uint64

	mu         sync.RWMutex
	accounts   map[string]map[string]set // by account and id of the key
	unreadable map[string]struct{}       // keys of records
}

// Open connects lazily; Run follows.
func Open(cfg Config, kafkaConfig kafka.Config, deps kafka.Deps) (*List, error) {
	l, err := New(cfg, deps.Log)
	if err != nil {
		return nil, err
	}
	l.follower, err = kafka.OpenFollower(kafkaConfig, deps, schemas.NewTopics(kafkaConfig.Prefix).Suppressions(), l)
	return l, err
}

// New returns a list that follows nothing; Apply fills it.
func New(cfg Config, log *slog.Logger) (*List, error) {
	keys, err := newKeys(cfg)
	if err != nil {
		return nil, fmt.Errorf("suppression: %w", err)
	}
	return &List{log: log, keys: keys, accounts: map[string]map[string]set{}, unreadable: map[string]struct{}{}}, nil
}

// Run follows until ctx ends.
func (l *List) Run(ctx context.Context) error { return l.follower.Run(ctx) }

// ReadToEnd returns once everybody who was suppressed at the call is in the list.
// Nothing may be sent before it has returned once.
func (l *List) ReadToEnd(ctx context.Context) error { return l.follower.ReadToEnd(ctx) }

// Age is how long ago the list was last known to hold everybody.
func (l *List) Age() time.Duration { return l.follower.Age() }

// Confirm reads the topic to its end unless that was done within the given time.
func (l *List) Confirm(ctx context.Context, within time.Duration) error {
	return l.follower.Confirm(ctx, within)
}

// Version changes with each record of the topic.
func (l *List) Version() uint64 { return l.version.Load() }

// Apply takes records of the topic in.
func (l *List) Apply(records ...*kafka.Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range records {
		l.apply(r)
	}
	l.version.Add(1)
}

func (l *List) apply(r *kafka.Record) {
	k, ok := schemas.ParseSuppressionKey(string(r.Key))
	switch {
	case !ok && r.Value == nil:
		delete(l.unreadable, string(r.Key))
	case !ok:
		if len(l.unreadable) < maxUnreadable {
			l.unreadable[string(r.Key)] = struct{}{}
		}
		// Not its key: it may be anything.
		l.log.ErrorContext(context.Background(), "a record of the suppressions topic cannot be read, nothing is sent until its key is deleted",
			slog.Int("partition", int(r.Partition)), slog.Int64("offset", r.Offset))
	case r.Value == nil:
		l.remove(k)
	default:
		l.add(k, since(r.Value))
	}
}

// since reads a record's value. One that cannot be read suppresses nonetheless: its
// key says whom.
func since(value []byte) uint32 {
	var s schemas.Suppression
	if err := json.Unmarshal(value, &s); err != nil || s.Since.Unix() < 0 || s.Since.Unix() > 1<<32-1 {
		return 0
	}
	return uint32(s.Since.Unix())
}

func (l *List) add(k schemas.SuppressionKey, since uint32) {
	sets := l.accounts[k.Account]
	if sets == nil {
		sets = map[string]set{}
		l.accounts[k.Account] = sets
	}
	if sets[k.KeyID] == nil {
		sets[k.KeyID] = set{}
	}
	sets[k.KeyID][k.Hash] = since
}

func (l *List) remove(k schemas.SuppressionKey) {
	sets := l.accounts[k.Account]
	delete(sets[k.KeyID], k.Hash)
	if len(sets[k.KeyID]) == 0 {
		delete(sets, k.KeyID)
	}
	if len(sets) == 0 {
		delete(l.accounts, k.Account)
	}
}

// Clear forgets everybody: the topic was deleted and created again.
func (l *List) Clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.accounts)
	clear(l.unreadable)
	l.version.Add(1)
}

// Comparable returns an ErrNoKey or ErrUnreadable if some entries of the account
// cannot be compared with identities. Nothing may be sent to it then.
func (l *List) Comparable(account string) error {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if len(l.unreadable) > 0 {
		return ErrUnreadable
	}
	for _, id := range slices.Sorted(maps.Keys(l.accounts[account])) {
		if !slices.ContainsFunc(l.keys, func(k key) bool { return k.id == id }) {
			return fmt.Errorf("%w: the key with the id %s, which made entries of the account %s", ErrNoKey, id, account)
		}
	}
	return nil
}

// Count is how many entries of an account were made with a key.
type Count struct {
	KeyID   string
	Entries int
	Known   bool // this service has the key
	Newest  bool // new entries are made with it
}

// Counts lists the entries of an account by key.
func (l *List) Counts(account string) []Count {
	l.mu.RLock()
	defer l.mu.RUnlock()
	out := []Count{}
	for _, id := range slices.Sorted(maps.Keys(l.accounts[account])) {
		at := slices.IndexFunc(l.keys, func(k key) bool { return k.id == id })
		out = append(out, Count{KeyID: id, Entries: len(l.accounts[account][id]), Known: at >= 0, Newest: at == 0})
	}
	return out
}
