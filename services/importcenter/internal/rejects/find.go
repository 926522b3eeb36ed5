package rejects

import (
	"bytes"
	"math"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"

	"tapline.dev/schemas"
)

// Known is what the scheduler's state says about the rejects of an import.
type Known struct {
	// Active is the run under way, "" if none is.
	Active string
	// Dismissed is the number of the last run whose rejects a person has given up.
	Dismissed int
	// Unfinished are the numbers of the replays that ended without success: the rejects that
	// they took count as not taken.
	Unfinished []int
}

// stateOf is the state of a cell's rejects.
func (c cell) stateOf(k Known) string {
	if c.Replay != "" && slices.Contains(k.Unfinished, numberOf(c.Replay)) {
		c.Replay = ""
	}
	switch number := numberOf(c.Run); {
	case c.Replay != "" && c.Replay == k.Active && !c.Again:
		return StateReplaying
	case c.Replay != "" || c.Again:
		return StateReplayed
	case number > 0 && number <= k.Dismissed:
		return StateDismissed
	}
	return StateOpen
}

func numberOf(run string) int {
	_, number, err := schemas.ParseRunID(run)
	if err != nil {
		return 0
	}
	return number
}

// matched is a cell that a selection concerns. Partly is set if only some of its rejects
// lie between the selection's times.
type matched struct {
	cell
	tally
	partly bool
}

// hit is a reject that was found.
type hit struct {
	ref  schemas.RejectRef
	cell cell
	time time.Time
}

// each calls fn with every cell that the selection concerns.
func (s Selection) each(tx *bolt.Tx, known func(string) Known, fn func(matched)) error {
	prefix := []byte(s.prefix())
	states := map[string]Known{}
	cursor := tx.Bucket(cellsBucket).Cursor()
	for k, v := cursor.Seek(prefix); k != nil && bytes.HasPrefix(k, prefix); k, v = cursor.Next() {
		c, ok := parseCell(string(k))
		t, decoded := decodeTally(v)
		if !ok || !decoded {
			return errBlock
		}
		if !s.takes(c) {
			continue
		}
		if s.State != "" {
			now, asked := states[c.Import]
			if !asked {
				now = known(c.Import)
				states[c.Import] = now
			}
			if c.stateOf(now) != s.State {
				continue
			}
		}
		first := time.Unix(c.Hour*3600, 0)
		last := first.Add(time.Hour - 1)
		if !s.Since.IsZero() && last.Before(s.Since) || !s.Until.IsZero() && !first.Before(s.Until) {
			continue
		}
		partly := !s.Since.IsZero() && first.Before(s.Since) || !s.Until.IsZero() && !last.Before(s.Until)
		fn(matched{c, t, partly || len(s.Refs) > 0})
	}
	return nil
}

// takes reports whether the selection contains a cell, apart from its state and times.
func (s Selection) takes(c cell) bool {
	return (s.Import == "" || c.Import == s.Import) &&
		(s.Run == "" || c.Run == s.Run) &&
		(s.Code == "" || c.Code == s.Code) &&
		(s.Stage == "" || c.Stage == s.Stage) &&
		(s.Column == "" || c.Column == field(s.Column))
}

// span is the part of a partition that is looked at: offsets from low to high, both
// inclusive.
type span struct {
	partition int32
	low, high int64
}

// walk calls fn with the rejects of the cells that lie in the span and are selected, in
// the order of offsets or backwards, until fn returns false.
func (s Selection) walk(tx *bolt.Tx, cells map[uint64]matched, in span, backwards bool, fn func(hit, matched) bool) error {
	cursor := tx.Bucket(blockBucket).Cursor()
	next := cursor.Next
	k, raw := cursor.Seek(blockKey(in.partition, baseOf(in.low)))
	if backwards {
		next = cursor.Prev
		k, _ = cursor.Seek(blockKey(in.partition, baseOf(in.high)+1))
		if k == nil {
			k, raw = cursor.Last()
		} else {
			k, raw = cursor.Prev()
		}
	}
	var b block
	for ; k != nil; k, raw = next() {
		partition, base := parseBlockKey(k)
		if partition != in.partition || base > in.high || base+blockOffsets <= in.low {
			return nil
		}
		if err := b.decode(base, raw); err != nil {
			return err
		}
		if backwards {
			slices.Reverse(b.entries)
		}
		for _, e := range b.entries {
			m, ok := cells[e.cell]
			if !ok || e.offset < in.low || e.offset > in.high {
				continue
			}
			h := hit{schemas.RejectRef{Partition: partition, Offset: e.offset}, m.cell, time.Unix(m.Hour*3600, e.nanos)}
			if m.partly && !s.includes(h) {
				continue
			}
			if !fn(h, m) {
				return nil
			}
		}
	}
	return nil
}

// includes checks the conditions on a single reject: its time and its reference.
func (s Selection) includes(h hit) bool {
	return (s.Since.IsZero() || !h.time.Before(s.Since)) && (s.Until.IsZero() || h.time.Before(s.Until)) &&
		(len(s.Refs) == 0 || slices.Contains(s.Refs, h.ref))
}

// bounds are the offsets between which the rejects of cells lie, by partition.
func bounds(cells map[uint64]matched) map[int32]span {
	spans := map[int32]span{}
	for _, m := range cells {
		in, ok := spans[m.Partition]
		if !ok {
			in = span{m.Partition, math.MaxInt64, 0}
		}
		in.low, in.high = min(in.low, m.First), max(in.high, m.Last)
		spans[m.Partition] = in
	}
	return spans
}

// find returns up to limit of the selected rejects in a span, in the order of offsets or
// backwards.
func (s Selection) find(st *store, known func(string) Known, in span, backwards bool, limit int) ([]hit, error) {
	var hits []hit
	err := st.view(func(tx *bolt.Tx) error {
		cells := map[uint64]matched{}
		if err := s.each(tx, known, func(m matched) { cells[m.ID] = m }); err != nil {
			return err
		}
		of, ok := bounds(cells)[in.partition]
		if !ok {
			return nil
		}
		in.low, in.high = max(in.low, of.low), min(in.high, of.high)
		return s.walk(tx, cells, in, backwards, func(h hit, _ matched) bool {
			hits = append(hits, h)
			return len(hits) < limit
		})
	})
	return hits, err
}
