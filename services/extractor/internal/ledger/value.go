package ledger

import (
	"encoding/binary"
	"errors"
	"strconv"
)

// value is what one chunk leaves in the store.
type value struct {
	from    int    // the first chunk whose value still counts
	partial bool   // rows of this chunk are missing
	null    bool   // holds rows without a cursor
	maximum string // the highest cursor at or before the clock, of all chunks so far
	highest string // the highest cursor in this value
	entries []byte // packed fingerprints
}

const (
	version     = 1
	flagPartial = 1 << 0
	flagNull    = 1 << 1
)

var errValue = errors.New("a ledger value is not understood")

func (v *value) encode() []byte {
	b := make([]byte, 0, 16+len(v.maximum)+len(v.highest)+len(v.entries))
	var flags byte
	if v.partial {
		flags |= flagPartial
	}
	if v.null {
		flags |= flagNull
	}
	b = append(b, version, flags)
	b = binary.AppendUvarint(b, uint64(v.from))
	for _, s := range []string{v.maximum, v.highest} {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	return append(b, v.entries...)
}

func decode(b []byte) (value, error) {
	if len(b) < 2 || b[0] != version {
		return value{}, errValue
	}
	v := value{partial: b[1]&flagPartial != 0, null: b[1]&flagNull != 0}
	b = b[2:]
	from, n := binary.Uvarint(b)
	if n <= 0 || from > 1<<31 {
		return value{}, errValue
	}
	v.from, b = int(from), b[n:]
	for _, s := range []*string{&v.maximum, &v.highest} {
		length, n := binary.Uvarint(b)
		if n <= 0 || length > uint64(len(b)-n) {
			return value{}, errValue
		}
		*s = string(b[n : n+int(length)])
		b = b[n+int(length):]
	}
	if len(b)%size != 0 {
		return value{}, errValue
	}
	v.entries = b
	return v, nil
}

// prefix begins the keys of an import's values.
func prefix(importName string) string { return "ledger:" + importName + ":" }

func attemptPrefix(importName string, number, attempt int) string {
	return prefix(importName) + strconv.Itoa(number) + "." + strconv.Itoa(attempt) + ":"
}

func key(importName string, number, attempt, chunk int) string {
	return attemptPrefix(importName, number, attempt) + strconv.Itoa(chunk)
}
