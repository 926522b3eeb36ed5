package ledger

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"slices"
	"sort"
	"strings"
	"time"

	"tapline.dev/schemas"
)

// Store is where the values lie.
type Store interface {
	MGet(ctx context.Context, keys ...string) ([][]byte, error)
	Set(ctx context.Context, key string, value []byte, ttl time.Duration) error
	Del(ctx context.Context, keys ...string) error
	Scan(ctx context.Context, prefix string) iter.Seq2[string, error]
}

// Previous is the ledger of the run before. A nil one holds nothing.
type Previous struct {
	entries []Fingerprint // sorted; a fingerprint stands as often as it counts
	used    []uint64      // one bit for each entry
	starts  []uint32      // of the entries with a given first two bytes
	highest string        // cursor
	// rejected are the rows of which nothing was sent, delivered those that attempts
	// and runs without success have loaded since; nil if there are none.
	rejected, delivered *Previous
}

// Len is how many loaded rows it holds, taken or not.
func (p *Previous) Len() int64 {
	if p == nil {
		return 0
	}
	return int64(len(p.entries))
}

// Multiset is a ledger of nothing but these rows. It sorts them in place.
func Multiset(rows []Fingerprint) *Previous { return newPrevious(rows) }

// With adds what attempts and runs without success have loaded since the run before.
func (p *Previous) With(delivered []Fingerprint) *Previous {
	if len(delivered) == 0 {
		return p
	}
	if p == nil {
		p = newPrevious(nil)
	}
	p.delivered = newPrevious(delivered)
	return p
}

// TakeDelivered reports whether f is held once more as delivered, and takes it out.
func (p *Previous) TakeDelivered(f Fingerprint) bool { return p != nil && p.delivered.Take(f) }

// TakeRejected reports whether the ledger holds f once more as rejected, and takes it
// out.
func (p *Previous) TakeRejected(f Fingerprint) bool { return p != nil && p.rejected.Take(f) }

// Highest is the highest cursor that it holds, "" if none has one.
func (p *Previous) Highest() string {
	if p == nil {
		return ""
	}
	return p.highest
}

func newPrevious(entries []Fingerprint) *Previous {
	slices.SortFunc(entries, func(a, b Fingerprint) int { return bytes.Compare(a[:], b[:]) })
	p := &Previous{entries: entries, used: make([]uint64, len(entries)/64+1), starts: make([]uint32, 1<<16+1)}
	next := 0
	for i, e := range entries {
		for b := int(binary.BigEndian.Uint16(e[:])); next <= b; next++ {
			p.starts[next] = uint32(i)
		}
	}
	for ; next < len(p.starts); next++ {
		p.starts[next] = uint32(len(entries))
	}
	return p
}

// Take reports whether the ledger holds f once more, and takes it out.
func (p *Previous) Take(f Fingerprint) bool {
	if p == nil {
		return false
	}
	bucket := binary.BigEndian.Uint16(f[:])
	from, to := int(p.starts[bucket]), int(p.starts[int(bucket)+1])
	i := from + sort.Search(to-from, func(n int) bool { return bytes.Compare(p.entries[from+n][:], f[:]) >= 0 })
	for ; i < to && p.entries[i] == f; i++ {
		if p.used[i/64]&(1<<(i%64)) == 0 {
			p.used[i/64] |= 1 << (i % 64)
			return true
		}
	}
	return false
}

const loadBatch = 8 // values read at once

// Told is what was told of a run's rows after it wrote its ledger, by their position
// in its result.
type Told struct {
	// Rejected were refused by some stage.
	Rejected map[int64]struct{}
	// Suppressed were not sent by mapper or loader. They are in no ledger.
	Suppressed map[int64]struct{}
}

// Ask reads what was told of a run since it began.
type Ask func(ctx context.Context, since time.Time) (Told, error)

// Load reads the ledger that a run left behind. What cannot be read is left
// out, which sends rows again; complete reports whether that happened.
func Load(ctx context.Context, store Store, importName string, ref schemas.LedgerRef, limit int, ask Ask) (p *Previous, complete bool, err error) {
	if ref.Chunks == 0 || ref.Entries == 0 {
		return newPrevious(nil), true, nil
	}
	of := attemptOf(importName, ref)
	last, err := get(ctx, store, of, ref.Chunks-1)
	if err != nil {
		return nil, false, err
	}
	if last == nil {
		return nil, false, nil
	}
	var told Told
	if ask != nil && last.began > 0 {
		if told, err = ask(ctx, time.Unix(last.began, 0)); err != nil {
			return nil, false, err
		}
	}
	var refused []Fingerprint
	entries := make([]Fingerprint, 0, min(int(ref.Entries), limit))
	highest := ""
	complete = true
	for some := range slices.Chunk(last.counted(ref.Chunks), loadBatch) {
		values, err := getMany(ctx, store, of, some...)
		if err != nil {
			return nil, false, err
		}
		for _, v := range values {
			if v == nil || len(entries)+len(refused)+len(v.entries)/fingerprintSize > limit {
				complete = false
				continue
			}
			highest = max(highest, v.highest)
			for i := 0; i*fingerprintSize < len(v.entries); i++ {
				f := Fingerprint(v.entries[i*fingerprintSize : (i+1)*fingerprintSize])
				switch {
				case v.in(told.Suppressed, i):
				case v.rejected(i, told.Rejected):
					refused = append(refused, f)
				default:
					entries = append(entries, f)
				}
			}
		}
	}
	p = newPrevious(entries)
	p.highest = highest
	if len(refused) > 0 {
		p.rejected = newPrevious(refused)
	}
	return p, complete, nil
}

func get(ctx context.Context, store Store, of attempt, chunk int) (*value, error) {
	values, err := getMany(ctx, store, of, chunk)
	if err != nil {
		return nil, err
	}
	return values[0], nil
}

// getMany reads the values of chunks; one that is missing or not understood is
// nil.
func getMany(ctx context.Context, store Store, of attempt, chunks ...int) ([]*value, error) {
	var keys []string
	for _, chunk := range chunks {
		keys = append(keys, of.chunk(chunk))
	}
	raw, err := store.MGet(ctx, keys...)
	if err != nil {
		return nil, fmt.Errorf("reading the ledger: %w", err)
	}
	out := make([]*value, len(keys))
	for i, b := range raw {
		if v, err := decode(b); b != nil && err == nil {
			out[i] = &v
		}
	}
	return out, nil
}

// Sweep removes the values of every run and attempt of an import but those
// named.
func Sweep(ctx context.Context, store Store, importName string, keep ...schemas.LedgerRef) error {
	var old []string
	for _, prefix := range []string{importPrefix(importName), oldPrefix(importName)} {
		for k, err := range store.Scan(ctx, prefix) {
			if err != nil {
				return fmt.Errorf("listing the ledger: %w", err)
			}
			if !slices.ContainsFunc(keep, func(ref schemas.LedgerRef) bool {
				return strings.HasPrefix(k, attemptOf(importName, ref).prefix())
			}) {
				old = append(old, k)
			}
		}
	}
	for some := range slices.Chunk(old, 100) {
		if err := store.Del(ctx, some...); err != nil {
			return fmt.Errorf("clearing the ledger: %w", err)
		}
	}
	return nil
}
