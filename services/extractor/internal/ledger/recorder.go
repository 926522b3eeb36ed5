package ledger

import (
	"context"
	"fmt"
)

// Config says whose ledger is written.
type Config struct {
	Import  string
	Number  int
	Attempt int
	Limit   int // of entries
	// Low is the lowest cursor that the next run reads, given the highest one of
	// this run; nil if rows have no cursor, and then every row counts.
	Low func(maximum string) (string, error)
}

// Recorder writes a run's ledger chunk by chunk. It is for one goroutine.
type Recorder struct {
	cfg     Config
	store   Store
	live    []chunk
	entries int // of the live chunks
	maximum string
	rows    []row // of the chunk being read
}

type chunk struct {
	index   int
	entries int
	highest string
	null    bool
	partial bool
}

type row struct {
	f      Fingerprint
	cursor string // "" for a NULL
}

// NewRecorder starts an attempt's ledger.
func NewRecorder(store Store, cfg Config) *Recorder { return &Recorder{cfg: cfg, store: store} }

// Add notes a row of the current chunk, whatever becomes of it.
func (r *Recorder) Add(f Fingerprint, cursor string) { r.rows = append(r.rows, row{f, cursor}) }

// Chunk is what a chunk leaves behind.
type Chunk struct {
	forget  []string
	Entries int64 // of the ledger, with this chunk
	Partial bool  // rows are missing from it
	Err     error // why the chunk's value could not be written, if so
}

// Finish ends the current chunk and writes its value, which comes before the
// chunk's transaction. maximum is the highest cursor at or before the clock so
// far.
func (r *Recorder) Finish(ctx context.Context, index int, maximum string) (Chunk, error) {
	r.maximum = max(r.maximum, maximum)
	low := ""
	if r.cfg.Low != nil && r.maximum != "" {
		var err error
		if low, err = r.cfg.Low(r.maximum); err != nil {
			return Chunk{}, fmt.Errorf("bounding the ledger: %w", err)
		}
	}
	forget := r.prune(low)
	c := chunk{index: index}
	packed := make([]byte, 0, len(r.rows)*size)
	for _, row := range r.rows {
		if row.cursor != "" && row.cursor < low {
			continue
		}
		if r.entries+c.entries >= r.cfg.Limit {
			c.partial = true
			break
		}
		packed = append(packed, row.f[:]...)
		c.entries++
		c.highest = max(c.highest, row.cursor)
		c.null = c.null || row.cursor == ""
	}
	r.rows = r.rows[:0]
	from := index
	if len(r.live) > 0 {
		from = r.live[0].index
	}
	v := value{from: from, partial: c.partial, null: c.null, maximum: r.maximum, highest: c.highest, entries: packed}
	writeErr := r.store.Set(ctx, key(r.cfg.Import, r.cfg.Number, r.cfg.Attempt, index), v.encode(), 0)
	if writeErr != nil {
		writeErr = fmt.Errorf("writing the ledger: %w", writeErr)
		c.partial = true
	}
	r.live = append(r.live, c)
	r.entries += c.entries
	return Chunk{forget: forget, Entries: int64(r.entries), Partial: r.partial(), Err: writeErr}, nil
}

// prune lets go of chunks that hold nothing at or above low.
func (r *Recorder) prune(low string) (forget []string) {
	for len(r.live) > 0 && !r.live[0].null && r.live[0].highest < low {
		forget = append(forget, key(r.cfg.Import, r.cfg.Number, r.cfg.Attempt, r.live[0].index))
		r.entries -= r.live[0].entries
		r.live = r.live[1:]
	}
	return forget
}

func (r *Recorder) partial() bool {
	for _, c := range r.live {
		if c.partial {
			return true
		}
	}
	return false
}

// Forget removes the values that a chunk has made useless. It comes after the
// chunk's transaction: until then a resume may need them.
func (r *Recorder) Forget(ctx context.Context, c Chunk) error {
	if len(c.forget) == 0 {
		return nil
	}
	if err := r.store.Del(ctx, c.forget...); err != nil {
		return fmt.Errorf("clearing the ledger: %w", err)
	}
	return nil
}

// Resume takes up an attempt's ledger after its first chunks, and takes out of
// previous what these have taken. If any of their values is missing nobody
// knows that any more, and ok is false: previous must be dropped altogether, for
// an entry that was used once would drop a row's twin.
func Resume(ctx context.Context, store Store, cfg Config, chunks int, previous *Previous) (r *Recorder, ok bool, err error) {
	r = NewRecorder(store, cfg)
	if chunks == 0 {
		return r, true, nil
	}
	// One chunk that stands for all that is not known.
	unknown := func() *Recorder {
		r := NewRecorder(store, cfg)
		r.live = []chunk{{index: chunks - 1, null: true, partial: true}}
		return r
	}
	last, err := get(ctx, store, cfg.Import, cfg.Number, cfg.Attempt, chunks-1)
	if err != nil {
		return unknown(), false, err
	}
	if last == nil {
		return unknown(), false, nil
	}
	r.maximum = last.maximum
	ok = true
	for at := last.from; at < chunks; at += loadBatch {
		values, err := getMany(ctx, store, cfg.Import, cfg.Number, cfg.Attempt, at, min(at+loadBatch, chunks))
		if err != nil {
			return unknown(), false, err
		}
		for i, v := range values {
			if v == nil {
				return unknown(), false, nil
			}
			r.live = append(r.live, chunk{index: at + i, entries: len(v.entries) / size, highest: v.highest, null: v.null, partial: v.partial})
			r.entries += len(v.entries) / size
			ok = ok && !v.partial
			for j := 0; j < len(v.entries); j += size {
				previous.Take(Fingerprint(v.entries[j : j+size]))
			}
		}
	}
	return r, ok, nil
}
