package schemas

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"regexp"
	"time"
)

// KindAccessKey is the kind under which keys to the API stand in the resources
// topic. It is not a kind that documents can have: keys are made by Import Center
// and by `tapline keys bootstrap` alone.
const KindAccessKey = "AccessKey"

// AccessKeyPrefix begins every key, so that scanners of leaked secrets find it.
const AccessKeyPrefix = "tapline_"

// AccessKeySpec is the spec of an AccessKey resource. The key itself is shown
// once, when it is made, and is kept nowhere.
type AccessKeySpec struct {
	// Hash is the SHA-256 of the whole key, in hexadecimal. A key has 256 random
	// bits, so that a slow hash would protect nothing more.
	Hash      string    `json:"hash"`
	Role      string    `json:"role"`
	Selector  *Selector `json:"selector,omitempty"`
	ExpiresAt time.Time `json:"expiresAt,omitzero"`
	CreatedBy string    `json:"createdBy"`
}

// Selector names imports: those with one of the names, if there are names, and
// with every label. An asterisk in a name stands for any letters.
type Selector struct {
	Names  []string          `json:"names,omitempty" maxItems:"100" doc:"Names of imports; an asterisk stands for any letters"`
	Labels map[string]string `json:"labels,omitempty" doc:"Labels that imports bear"`
}

var accessKeyPattern = regexp.MustCompile(`^` + AccessKeyPrefix + `[A-Za-z0-9_-]{43}$`)

// NewAccessKey makes a key of 256 random bits.
func NewAccessKey() string {
	var raw [32]byte
	_, _ = rand.Read(raw[:]) // it never fails: the process ends if there is no randomness
	return AccessKeyPrefix + base64.RawURLEncoding.EncodeToString(raw[:])
}

// HashAccessKey returns the hash that is stored of a key, and false if the text is no key.
func HashAccessKey(key string) (string, bool) {
	if !accessKeyPattern.MatchString(key) {
		return "", false
	}
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:]), true
}
