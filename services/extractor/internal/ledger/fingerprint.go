package ledger

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
)

// Fingerprint names a row version: its columns, its cursor, and the mapping.
type Fingerprint [fingerprintSize]byte

const fingerprintSize = 16

// AppendText appends the fingerprint as it stands in a header.
func (f Fingerprint) AppendText(b []byte) []byte { return base64.RawURLEncoding.AppendEncode(b, f[:]) }

// ParseFingerprint reads such a text.
func ParseFingerprint(text []byte) (f Fingerprint, ok bool) {
	b, err := base64.RawURLEncoding.AppendDecode(nil, text)
	if err != nil || len(b) != fingerprintSize {
		return f, false
	}
	return Fingerprint(b), true
}

// Hasher makes fingerprints of the rows of one result. It is for one goroutine.
type Hasher struct {
	mapping [16]byte
	columns []int
	buf     []byte
}

// NewHasher covers the columns with these indexes, under a mapping: another
// mapping makes other fingerprints, and so sends the window again.
func NewHasher(mapping [16]byte, columns []int) *Hasher {
	return &Hasher{mapping: mapping, columns: columns}
}

// Of is the fingerprint of a row whose i-th column is value(i).
func (h *Hasher) Of(value func(i int) []byte, cursor string) Fingerprint {
	b := append(h.buf[:0], h.mapping[:]...)
	for _, i := range h.columns {
		v := value(i)
		// The length keeps neighbouring values apart.
		b = binary.AppendUvarint(b, uint64(len(v)))
		b = append(b, v...)
	}
	b = append(b, cursor...)
	h.buf = b
	sum := sha256.Sum256(b)
	return Fingerprint(sum[:fingerprintSize])
}
