package ledger

import (
	"encoding/binary"
	"errors"
)

// entryRow is where an entry comes from.
type entryRow struct {
	position int64 // in the result
	rejected bool
}

// value is what one chunk leaves in the store.
type value struct {
	nullChunks int    // the values of the chunks before this one count,
	from       int    // and those from this one on
	partial    bool   // rows of this chunk are missing
	maximum    string // the highest cursor at or before the clock, of all chunks so far
	highest    string // the highest cursor of this chunk, also of rows that are missing
	entries    []byte // packed fingerprints
	// began is when the run did, in seconds since 1970, and rows say of each entry
	// which row of the result it is and whether that was rejected. Values that earlier
	// versions of Tapline wrote lack both.
	began int64
	rows  []entryRow
}

const (
	version      = 1 // of the counts
	oldVersion   = 2
	valueVersion = 3
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
	for _, n := range []int{v.nullChunks, v.from} {
		b = binary.AppendUvarint(b, uint64(n))
	}
	for _, s := range []string{v.maximum, v.highest} {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	b = binary.AppendVarint(b, v.began)
	b = binary.AppendUvarint(b, uint64(len(v.rows)))
	last := int64(0)
	for _, row := range v.rows {
		step := uint64(row.position-last) << 1
		if row.rejected {
			step |= 1
		}
		b, last = binary.AppendUvarint(b, step), row.position
	}
	return append(b, v.entries...)
}

func decode(b []byte) (value, error) {
	if len(b) < 2 || b[0] != valueVersion && b[0] != oldVersion {
		return value{}, errValue
	}
	version := b[0]
	v := value{partial: b[1]&flagPartial != 0}
	b = b[2:]
	for _, field := range []*int{&v.nullChunks, &v.from} {
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
	var err error
	if version == valueVersion {
		if b, err = v.decodeRows(b); err != nil {
			return value{}, err
		}
	}
	if len(b)%fingerprintSize != 0 {
		return value{}, errValue
	}
	v.entries = b
	return v, nil
}

// decodeRows reads where the entries come from, and returns what follows.
func (v *value) decodeRows(b []byte) ([]byte, error) {
	began, n := binary.Varint(b)
	if n <= 0 {
		return nil, errValue
	}
	v.began, b = began, b[n:]
	count, n := binary.Uvarint(b)
	if n <= 0 || count > uint64(len(b)) {
		return nil, errValue
	}
	b, v.rows = b[n:], make([]entryRow, 0, count)
	last := int64(0)
	for range count {
		step, n := binary.Uvarint(b)
		if n <= 0 {
			return nil, errValue
		}
		last += int64(step >> 1)
		v.rows, b = append(v.rows, entryRow{position: last, rejected: step&1 != 0}), b[n:]
	}
	if len(b) != int(count)*fingerprintSize {
		return nil, errValue
	}
	return b, nil
}

// rejected reports whether the row of the i-th entry was rejected: either the run knew
// it when it wrote the entry, or rejectedRows contains the row's position in the result.
func (v *value) rejected(i int, rejectedRows map[int64]struct{}) bool {
	return v.in(rejectedRows, i) || i < len(v.rows) && v.rows[i].rejected
}

// in reports whether the row of the i-th entry is among the positions.
func (v *value) in(positions map[int64]struct{}, i int) bool {
	if i >= len(v.rows) {
		return false
	}
	_, ok := positions[v.rows[i].position]
	return ok
}

// counted lists the chunks whose values count, up to that of this one.
func (v *value) counted(chunks int) (list []int) {
	for i := range chunks {
		if i < v.nullChunks || i >= v.from {
			list = append(list, i)
		}
	}
	return list
}
