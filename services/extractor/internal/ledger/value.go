package ledger

import (
	"encoding/binary"
	"errors"
)

// value is what one chunk leaves in the store.
type value struct {
	heads   int    // the values of the chunks before this one count,
	from    int    // and those from this one on
	partial bool   // rows of this chunk are missing
	maximum string // the highest cursor at or before the clock, of all chunks so far
	highest string // the highest cursor of this chunk, also of rows that are missing
	entries []byte // packed fingerprints
}

const (
	version      = 1 // of the counts
	valueVersion = 2
	flagPartial  = 1 << 0
)

var errValue = errors.New("a ledger value is not understood")

func (v *value) encode() []byte {
	b := make([]byte, 0, 16+len(v.maximum)+len(v.highest)+len(v.entries))
	var flags byte
	if v.partial {
		flags |= flagPartial
	}
	b = append(b, valueVersion, flags)
	for _, n := range []int{v.heads, v.from} {
		b = binary.AppendUvarint(b, uint64(n))
	}
	for _, s := range []string{v.maximum, v.highest} {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	return append(b, v.entries...)
}

func decode(b []byte) (value, error) {
	if len(b) < 2 || b[0] != valueVersion {
		return value{}, errValue
	}
	v := value{partial: b[1]&flagPartial != 0}
	b = b[2:]
	for _, field := range []*int{&v.heads, &v.from} {
		number, n := binary.Uvarint(b)
		if n <= 0 || number > 1<<31 {
			return value{}, errValue
		}
		*field, b = int(number), b[n:]
	}
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

// counted lists the chunks whose values count, up to that of this one.
func (v *value) counted(chunks int) (list []int) {
	for i := range chunks {
		if i < v.heads || i >= v.from {
			list = append(list, i)
		}
	}
	return list
}
