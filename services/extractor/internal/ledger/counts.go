package ledger

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"tapline.dev/schemas"
)

// SaveCounts keeps how many rows an attempt found in each bucket, under the name
// that ref.Counts gives them.
func SaveCounts(ctx context.Context, store Store, importName string, ref schemas.LedgerRef, counts map[int64]int64) error {
	b := []byte{version}
	last := int64(0)
	for _, n := range slices.Sorted(maps.Keys(counts)) {
		b = binary.AppendVarint(b, n-last)
		b = binary.AppendVarint(b, counts[n])
		last = n
	}
	if err := store.Set(ctx, attemptOf(importName, ref).counts(ref.Counts), b, 0); err != nil {
		return fmt.Errorf("keeping the counts: %w", err)
	}
	return nil
}

// LoadCounts reads those that a run left behind; nil if they are not there.
func LoadCounts(ctx context.Context, store Store, importName string, ref schemas.LedgerRef) (map[int64]int64, error) {
	raw, err := store.MGet(ctx, attemptOf(importName, ref).counts(ref.Counts))
	if err != nil {
		return nil, fmt.Errorf("reading the counts: %w", err)
	}
	b := raw[0]
	if len(b) == 0 || b[0] != version {
		return nil, nil
	}
	b = b[1:]
	counts := map[int64]int64{}
	last := int64(0)
	for len(b) > 0 {
		step, n := binary.Varint(b)
		count, m := binary.Varint(b[max(n, 0):])
		if n <= 0 || m <= 0 {
			return nil, nil
		}
		last += step
		counts[last], b = count, b[n+m:]
	}
	return counts, nil
}
