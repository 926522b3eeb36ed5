package schemas

import (
	"encoding/hex"
	"strings"
	"time"
)

// A SuppressionKey is the key of a record in the suppressions topic: one identity
// that must not be sent to one account. The identity stands there as a keyed hash,
// so that a reader of the topic alone can neither read it nor try guesses.
type SuppressionKey struct {
	Account string // the CleverTapAccount resource
	KeyID   string // of the key that the hash was made with
	Hash    SuppressionHash
}

// SuppressionHash is the first half of an HMAC-SHA256 over account and identity.
type SuppressionHash [16]byte

// Suppression is the value of a record in the suppressions topic.
type Suppression struct {
	Since time.Time `json:"since"`
}

// String is the record's key.
func (k SuppressionKey) String() string {
	return k.Account + "/" + k.KeyID + "/" + hex.EncodeToString(k.Hash[:])
}

// Partition is where the record lies among so many partitions: by its hash.
func (k SuppressionKey) Partition(partitions int) int32 {
	return int32(int(k.Hash[0]) % partitions)
}

// ParseSuppressionKey parses a record's key. It returns false for any other text. A list
// may have a million of them.
func ParseSuppressionKey(text string) (k SuppressionKey, ok bool) {
	account, rest, ok := strings.Cut(text, "/")
	id, hash, parted := strings.Cut(rest, "/")
	if !ok || !parted || account == "" || !isHex(id, 16) || !isHex(hash, 32) {
		return k, false
	}
	// Cloned, so that the short account keeps no larger text alive.
	k.Account, k.KeyID = strings.Clone(account), strings.Clone(id)
	_, err := hex.Decode(k.Hash[:], []byte(hash))
	return k, err == nil
}

func isHex(text string, length int) bool {
	for i := range len(text) {
		if c := text[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return len(text) == length
}
