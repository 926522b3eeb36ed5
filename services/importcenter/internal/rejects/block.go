package rejects

import (
	"encoding/binary"
	"fmt"
)

// blockOffsets is how many offsets share a block.
const blockOffsets = 4096

// entry is what the index keeps of a reject: where it lies, its cell, and when in the
// cell's hour it was made.
type entry struct {
	offset int64
	cell   uint64
	nanos  int64
}

// block holds the entries of blockOffsets offsets from base on, in order.
type block struct {
	base    int64
	entries []entry
}

func baseOf(offset int64) int64 { return offset &^ (blockOffsets - 1) }

// blockKey orders blocks by partition and offset.
func blockKey(partition int32, base int64) []byte {
	b := make([]byte, 0, 12)
	b = binary.BigEndian.AppendUint32(b, uint32(partition)) //nolint:gosec // partitions are not negative
	return binary.BigEndian.AppendUint64(b, uint64(base))   //nolint:gosec // offsets are not negative
}

func parseBlockKey(key []byte) (partition int32, base int64) {
	return int32(binary.BigEndian.Uint32(key)), int64(binary.BigEndian.Uint64(key[4:])) //nolint:gosec // as written
}

func (b *block) encode() []byte {
	out := make([]byte, 0, 10*len(b.entries))
	last := b.base
	for _, e := range b.entries {
		out = binary.AppendUvarint(out, uint64(e.offset-last)) //nolint:gosec // entries are in order
		out = binary.AppendUvarint(out, e.cell)
		out = binary.AppendUvarint(out, uint64(e.nanos)) //nolint:gosec // not negative
		last = e.offset
	}
	return out
}

var errBlock = fmt.Errorf("%w: a block of it cannot be read", errDamaged)

// decode reads a block into b, whose slice it uses again.
func (b *block) decode(base int64, raw []byte) error {
	b.base, b.entries = base, b.entries[:0]
	at := base
	for len(raw) > 0 {
		var values [3]uint64
		for i := range values {
			v, n := binary.Uvarint(raw)
			if n <= 0 {
				return errBlock
			}
			values[i], raw = v, raw[n:]
		}
		if values[0] >= blockOffsets || len(b.entries) == blockOffsets {
			return errBlock // however long a damaged block says that it is
		}
		at += int64(values[0])                                                //nolint:gosec // as encoded
		b.entries = append(b.entries, entry{at, values[1], int64(values[2])}) //nolint:gosec // as encoded
	}
	return nil
}
