package suppression

import (
	"bytes"
	"time"

	"tapline.dev/schemas"
)

// Checker compares identities with the entries of one account. It is for one
// goroutine.
type Checker struct {
	list    *List
	account string
	hashers []*hasher
}

// Checker returns one for an account.
func (l *List) Checker(account string) *Checker {
	c := &Checker{list: l, account: account}
	for _, k := range l.keys {
		c.hashers = append(c.hashers, newHasher(k, account))
	}
	return c
}

// Comparable is List.Comparable for the account.
func (c *Checker) Comparable() error { return c.list.Comparable(c.account) }

// Nobody reports whether the account has no suppressed people, so that no identity needs
// to be looked up.
func (c *Checker) Nobody() bool {
	c.list.mu.RLock()
	defer c.list.mu.RUnlock()
	return len(c.list.accounts[c.account]) == 0
}

// Has reports whether the person must not be sent. Blanks around the identity are ignored:
// with and without them it is the same person.
func (c *Checker) Has(identity []byte) bool {
	c.list.mu.RLock()
	defer c.list.mu.RUnlock()
	sets := c.list.accounts[c.account]
	if len(sets) == 0 {
		return false // nothing is hashed where nobody is suppressed
	}
	identity = bytes.TrimSpace(identity)
	for _, h := range c.hashers {
		entries := sets[h.id]
		if len(entries) == 0 {
			continue
		}
		if _, ok := entries[h.of(identity)]; ok {
			return true
		}
	}
	return false
}

// Entry is an entry of a person.
type Entry struct {
	Key   schemas.SuppressionKey
	Since time.Time // zero if that cannot be read
}

// Find returns the entries of a person, that of the newest key first.
func (c *Checker) Find(identity []byte) (out []Entry) {
	c.list.mu.RLock()
	defer c.list.mu.RUnlock()
	identity = bytes.TrimSpace(identity)
	for _, h := range c.hashers {
		hash := h.of(identity)
		since, ok := c.list.accounts[c.account][h.id][hash]
		if !ok {
			continue
		}
		e := Entry{Key: schemas.SuppressionKey{Account: c.account, KeyID: h.id, Hash: hash}}
		if since > 0 {
			e.Since = time.Unix(int64(since), 0).UTC()
		}
		out = append(out, e)
	}
	return out
}

// New is the key of a new entry of a person; ErrNoKey without a key to make it with.
func (c *Checker) New(identity []byte) (schemas.SuppressionKey, error) {
	if len(c.hashers) == 0 {
		return schemas.SuppressionKey{}, ErrNoKey
	}
	h := c.hashers[0]
	return schemas.SuppressionKey{Account: c.account, KeyID: h.id, Hash: h.of(bytes.TrimSpace(identity))}, nil
}
