package ledger

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzValue: what Redis holds may be of another version or damaged. It is
// refused, or read as what it says.
func FuzzValue(f *testing.F) {
	full := value{nullChunks: 2, from: 1, partial: true, maximum: "2026-11-23 10:00:00.000000000", highest: "z", entries: make([]byte, 2*fingerprintSize), began: 12,
		rows: []entryRow{{position: 3}, {position: 9, rejected: true}}}
	f.Add(full.encode())
	f.Add((&value{}).encode())
	f.Add([]byte{oldVersion, 0, 0, 0, 0, 0})
	f.Add([]byte{valueVersion, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 15})
	f.Fuzz(func(t *testing.T, b []byte) {
		first, err := decode(b)
		if err != nil {
			return
		}
		if len(first.rows) > len(b) {
			t.Fatalf("%d rows of %d bytes", len(first.rows), len(b))
		}
		second, err := decode(first.encode())
		if err != nil && b[0] != oldVersion {
			t.Fatalf("reading what was written: %v", err)
		}
		if b[0] != oldVersion {
			if diff := cmp.Diff(first.encode(), second.encode()); diff != "" {
				t.Fatalf("read and written again (-first +second):\n%s", diff)
			}
		}
		for i := range first.rows {
			first.rejected(i, nil)
		}
		for _, chunk := range first.counted(4) {
			if chunk < 0 || chunk >= 4 {
				t.Fatalf("chunk %d of 4 counts", chunk)
			}
		}
	})
}
