package suppression

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash"
	"strings"

	"tapline.dev/libs/config"
	"tapline.dev/schemas"
)

// Config is what operators set. Import Center, extractor, mapper and loader of a
// deployment need the same.
type Config struct {
	// Keys are the secrets with which identities of suppressed people are hashed, each
	// of at least 32 characters, parted by commas or line breaks. New entries are made
	// with the first; the others are those of older entries. Without keys nobody can be
	// suppressed, and a service sends nothing to an account with entries that it cannot
	// compare.
	Keys config.Secret
}

const (
	minKeyLength = 32
	// maxKeys bounds how many hashes a comparison takes.
	maxKeys = 8
)

// Validate reports keys that are too weak. It repeats none.
func (c Config) Validate() error {
	_, err := newKeys(c)
	return err
}

// key is one secret, under the id that entries name.
type key struct {
	id     string
	secret []byte
}

// newKeys reads the secrets, the newest first.
func newKeys(c Config) ([]key, error) {
	var keys []key
	for _, secret := range strings.FieldsFunc(c.Keys.Reveal(), func(r rune) bool { return r == ',' || r == '\n' || r == '\r' }) {
		if secret = strings.TrimSpace(secret); secret == "" {
			continue
		}
		if len(secret) < minKeyLength {
			return nil, config.Bad("keys", "must have at least %d characters each; make one with `tapline suppress key`", minKeyLength)
		}
		if len(keys) == maxKeys {
			return nil, config.Bad("keys", "must be at most %d", maxKeys)
		}
		k := key{secret: []byte(secret)}
		sum := mac(k.secret, "tapline suppression key")
		k.id = hex.EncodeToString(sum[:8])
		keys = append(keys, k)
	}
	if len(keys) == 0 && c.Keys != "" {
		return nil, config.Bad("keys", "hold no key")
	}
	return keys, nil
}

func mac(secret []byte, text string) []byte {
	h := hmac.New(sha256.New, secret)
	_, _ = h.Write([]byte(text)) // a hash never fails
	return h.Sum(nil)
}

// ErrNoKey says that entries of an account were made with a key that this service
// does not have, or that it has none to make entries with.
var ErrNoKey = errors.New("suppression.keys lacks a key")

// hasher hashes identities of one account with one key. It is for one goroutine.
type hasher struct {
	id     string
	mac    hash.Hash
	prefix []byte
	sum    [sha256.Size]byte
}

// newHasher binds the account to each hash, so that entries of two accounts do not
// show that they are of one person.
func newHasher(k key, account string) *hasher {
	prefix := binary.AppendUvarint(nil, uint64(len(account)))
	return &hasher{id: k.id, mac: hmac.New(sha256.New, k.secret), prefix: append(prefix, account...)}
}

func (h *hasher) of(identity []byte) (out schemas.SuppressionHash) {
	h.mac.Reset()
	_, _ = h.mac.Write(h.prefix) // a hash never fails
	_, _ = h.mac.Write(identity)
	copy(out[:], h.mac.Sum(h.sum[:0]))
	return out
}
