package ledger

import (
	"context"
	"fmt"
	"slices"
	"time"

	"tapline.dev/schemas"
)

// Config says whose ledger is written.
type Config struct {
	Import  string
	Epoch   int
	Number  int
	Attempt int
	Limit   int       // of entries
	Began   time.Time // of the run
	// Low is the lowest cursor that the next run reads, given the highest one of
	// this run; nil if rows have no cursor, and then every row counts.
	Low func(maximum string) (string, error)
}

// attempt names the ledger that is written.
func (c Config) attempt() attempt {
	return attempt{importName: c.Import, names: schemas.LedgerNames, epoch: c.Epoch, number: c.Number, attempt: c.Attempt}
}

// Ref is what the next run needs to find the ledger; its user adds what is in it.
func (c Config) Ref() schemas.LedgerRef {
	return schemas.LedgerRef{Names: schemas.LedgerNames, Epoch: c.Epoch, Number: c.Number, Attempt: c.Attempt}
}

// Recorder writes a run's ledger chunk by chunk. It is for one goroutine.
type Recorder struct {
	cfg               Config
	store             Store
	nullChunks        int     // NULL cursors come first: the chunks before this one may hold them, and stay
	nullChunksPartial bool    // rows of the first nullChunks chunks are missing
	window            []chunk // the later chunks, until they are behind the lookback
	entries           int     // of all the chunks that stay
	maximum           string
	rows              []row // of the chunk being read
}

type chunk struct {
	index   int
	entries int
	highest string
	partial bool
}

type row struct {
	fingerprint Fingerprint
	cursor      string // "" for a NULL
	source      entryRow
}

// NewRecorder starts an attempt's ledger.
func NewRecorder(store Store, cfg Config) *Recorder { return &Recorder{cfg: cfg, store: store} }

// Add notes a row of the current chunk, whatever becomes of it. position is the
// row's in the result; rejected is set if it is known by now that nothing was sent.
func (r *Recorder) Add(f Fingerprint, cursor string, position int64, rejected bool) {
	r.rows = append(r.rows, row{f, cursor, entryRow{position, rejected}})
}

// Reject notes that the row that was added last has turned out to be rejected.
func (r *Recorder) Reject() { r.rows[len(r.rows)-1].source.rejected = true }

// Chunk is what a chunk leaves behind.
type Chunk struct {
	obsolete []string
	Entries  int64 // of the ledger, with this chunk
	Partial  bool  // rows are missing from it
	Err      error // why the chunk's value could not be written, if so
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
	if slices.ContainsFunc(r.rows, func(row row) bool { return row.cursor == "" }) {
		r.nullChunks, r.nullChunksPartial, r.window = index+1, r.partial(), nil
	}
	forget := r.prune(low)
	c := chunk{index: index}
	packed := make([]byte, 0, len(r.rows)*fingerprintSize)
	rows := make([]entryRow, 0, len(r.rows))
	for _, row := range r.rows {
		if row.cursor != "" && row.cursor < low {
			continue
		}
		// A row beyond the limit counts as well: until it is behind the lookback, the
		// ledger is incomplete.
		c.highest = max(c.highest, row.cursor)
		if r.entries+c.entries >= r.cfg.Limit {
			c.partial = true
			continue
		}
		packed, rows = append(packed, row.fingerprint[:]...), append(rows, row.source)
		c.entries++
	}
	r.rows = r.rows[:0]
	from := max(r.nullChunks, index)
	if len(r.window) > 0 {
		from = r.window[0].index
	}
	v := value{nullChunks: r.nullChunks, from: from, partial: c.partial, maximum: r.maximum, highest: c.highest, entries: packed, began: r.cfg.Began.Unix(), rows: rows}
	writeErr := r.store.Set(ctx, r.cfg.attempt().chunk(index), v.encode(), 0)
	if writeErr != nil {
		writeErr = fmt.Errorf("writing the ledger: %w", writeErr)
		c.partial = true
	}
	r.append(c)
	return Chunk{obsolete: forget, Entries: int64(r.entries), Partial: r.partial(), Err: writeErr}, nil
}

func (r *Recorder) append(c chunk) {
	r.entries += c.entries
	if c.index < r.nullChunks {
		r.nullChunksPartial = r.nullChunksPartial || c.partial
		return
	}
	r.window = append(r.window, c)
}

// prune drops the chunks that hold no row at or above low. Rows with a NULL cursor are
// read again by every run, so their chunks stay.
func (r *Recorder) prune(low string) (forget []string) {
	for len(r.window) > 0 && r.window[0].highest < low {
		forget = append(forget, r.cfg.attempt().chunk(r.window[0].index))
		r.entries -= r.window[0].entries
		r.window = r.window[1:]
	}
	return forget
}

func (r *Recorder) partial() bool {
	return r.nullChunksPartial || slices.ContainsFunc(r.window, func(c chunk) bool { return c.partial })
}

// DeleteObsolete removes the values that a chunk has made useless. It comes after the
// chunk's transaction: until then a resume may need them.
func (r *Recorder) DeleteObsolete(ctx context.Context, c Chunk) error {
	if len(c.obsolete) == 0 {
		return nil
	}
	if err := r.store.Del(ctx, c.obsolete...); err != nil {
		return fmt.Errorf("clearing the ledger: %w", err)
	}
	return nil
}

// Resume takes up an attempt's ledger after its first chunks, and removes from previous
// the entries that these chunks have used. If a value of theirs is missing, those
// entries are unknown and ok is false. The caller must then use nothing of previous: an
// entry that is used a second time would leave out an equal row that is new.
func Resume(ctx context.Context, store Store, cfg Config, chunks int, previous *Previous) (r *Recorder, ok bool, err error) {
	r = NewRecorder(store, cfg)
	if chunks == 0 {
		return r, true, nil
	}
	// A later resume must not take this ledger for complete either: with this nullChunks it
	// asks for the values of all the first chunks.
	unknown := func() *Recorder {
		r := NewRecorder(store, cfg)
		r.nullChunks, r.nullChunksPartial = chunks, true
		return r
	}
	last, err := get(ctx, store, cfg.attempt(), chunks-1)
	if err != nil {
		return unknown(), false, err
	}
	if last == nil {
		return unknown(), false, nil
	}
	r.nullChunks, r.maximum = last.nullChunks, last.maximum
	ok = true
	for some := range slices.Chunk(last.counted(chunks), loadBatch) {
		values, err := getMany(ctx, store, cfg.attempt(), some...)
		if err != nil {
			return unknown(), false, err
		}
		for i, v := range values {
			if v == nil {
				return unknown(), false, nil
			}
			r.append(chunk{index: some[i], entries: len(v.entries) / fingerprintSize, highest: v.highest, partial: v.partial})
			ok = ok && !v.partial
			for j := 0; j*fingerprintSize < len(v.entries); j++ {
				// In the order in which the rows were looked up.
				switch f := Fingerprint(v.entries[j*fingerprintSize : (j+1)*fingerprintSize]); {
				case v.rejected(j, nil):
					previous.TakeRejected(f)
				case !previous.Take(f):
					previous.TakeDelivered(f)
				}
			}
		}
	}
	return r, ok, nil
}
