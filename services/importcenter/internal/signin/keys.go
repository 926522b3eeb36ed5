package signin

import (
	"context"
	"encoding/json"
	"log/slog"
	"reflect"
	"sync"
	"time"

	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/access"
)

// staleAfter is how long keys are accepted after the last confirmation by Kafka: a
// replica that is cut off would otherwise accept a key that was revoked long ago.
const staleAfter = 30 * time.Second

// resources is the resources topic, followed live.
type resources interface {
	Resources(kind string) []schemas.Resource
	// ResourcesChanged closes at the next record.
	ResourcesChanged() <-chan struct{}
}

// Keys are the keys of the resources topic, by the hash that is kept of each. It is
// safe for concurrent use.
type Keys struct {
	resources resources
	log       *slog.Logger

	mu        sync.Mutex
	table     keyTable
	confirmed time.Time
}

// keyTable is what was read of the keys.
type keyTable struct {
	byHash  map[string]key
	changed <-chan struct{} // closed once byHash is out of date
}

type key struct {
	name     string
	role     access.Role
	selector *schemas.Selector
	expires  time.Time
}

// NewKeys returns the keys among resources.
func NewKeys(from resources, log *slog.Logger) *Keys {
	outdated := make(chan struct{})
	close(outdated)
	return &Keys{resources: from, log: log, table: keyTable{changed: outdated}}
}

// read returns the keys by their hashes.
func read(from resources, log *slog.Logger) map[string]key {
	byHash := map[string]key{}
	for _, r := range from.Resources(schemas.KindAccessKey) {
		hash, held, ok := decode(r)
		if !ok {
			log.ErrorContext(context.Background(), "a key that cannot be read counts as revoked", slog.String("key", r.Metadata.Name))
			continue
		}
		byHash[hash] = held
	}
	return byHash
}

func decode(r schemas.Resource) (hash string, held key, valid bool) {
	var spec schemas.AccessKeySpec
	if json.Unmarshal(r.Spec, &spec) != nil || spec.Hash == "" {
		return "", key{}, false
	}
	role, err := access.ParseRole(spec.Role)
	return spec.Hash, key{name: r.Metadata.Name, role: role, selector: spec.Selector, expires: spec.ExpiresAt}, err == nil
}

// Confirm says that all records that Kafka held at this time have been read.
func (k *Keys) Confirm(at time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.confirmed = at
}

// caller returns the caller that a key belongs to.
func (k *Keys) caller(text string, now time.Time) (access.Caller, error) {
	hash, ok := schemas.HashAccessKey(text)
	if !ok {
		return access.Caller{}, errMalformed
	}
	held, err := k.find(hash, now)
	if err != nil {
		return access.Caller{}, err
	}
	return access.Caller{
		Name: "key:" + held.name, Role: held.role, By: access.ByKey, Selector: held.selector, Expires: held.expires,
		// A key that was given another role or selector is another: whoever reads a stream
		// with it connects anew, and gets what it may have now.
		Holds: func(now time.Time) error {
			present, err := k.find(hash, now)
			if err == nil && !reflect.DeepEqual(present, held) {
				err = errNarrowed
			}
			return err
		},
	}, nil
}

func (k *Keys) find(hash string, now time.Time) (key, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if now.Sub(k.confirmed) > staleAfter {
		return key{}, &access.UnavailableError{Detail: "Kafka does not answer, so it is not known whether your key still holds; try again"}
	}
	held, ok := k.table.current(k.resources, k.log)[hash]
	switch {
	case !ok:
		return key{}, errUnknown
	case !held.expires.IsZero() && !now.Before(held.expires):
		return key{}, errExpired
	}
	return held, nil
}

// current returns the keys, which are read again if they have changed.
func (t *keyTable) current(from resources, log *slog.Logger) map[string]key {
	select {
	case <-t.changed:
		// The channel is taken before the keys are read: a change in between is
		// then read twice, and never missed.
		t.changed = from.ResourcesChanged()
		t.byHash = read(from, log)
	default:
	}
	return t.byHash
}

// Expiries is when each key ends, by name. Keys that never end are left out.
func (k *Keys) Expiries() map[string]time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	out := map[string]time.Time{}
	for _, held := range k.table.current(k.resources, k.log) {
		if !held.expires.IsZero() {
			out[held.name] = held.expires
		}
	}
	return out
}
