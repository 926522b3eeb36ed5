package rejects

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	bolt "go.etcd.io/bbolt"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// writing is one transaction of the store. It keeps the cells and blocks that it
// touches in memory and writes each once, at the end.
type writing struct {
	tx     *bolt.Tx
	cells  map[string]*tally
	keys   map[uint64]string
	blocks map[blockID]*block
}

type blockID struct {
	partition int32
	base      int64
}

func beginWriting(tx *bolt.Tx) *writing {
	return &writing{tx: tx, cells: map[string]*tally{}, keys: map[uint64]string{}, blocks: map[blockID]*block{}}
}

// add takes in a reject. One that is there already changes nothing.
func (w *writing) add(ref schemas.RejectRef, c cell, nanos int64) error {
	b, err := w.block(ref)
	if err != nil {
		return err
	}
	at, found := b.find(ref.Offset)
	if found {
		return nil
	}
	id, err := w.count(ref, c, 1)
	if err != nil {
		return err
	}
	b.entries = slices.Insert(b.entries, at, entry{ref.Offset, id, nanos})
	return nil
}

// move changes the cell of the reject at ref, if it is there.
func (w *writing) move(ref schemas.RejectRef, change func(*cell)) error {
	b, err := w.block(ref)
	if err != nil {
		return err
	}
	at, found := b.find(ref.Offset)
	if !found {
		return nil
	}
	key, err := w.keyOf(b.entries[at].cell)
	if err != nil {
		return err
	}
	before, ok := parseCell(key)
	if !ok {
		return errBlock
	}
	after := before
	change(&after)
	if after == before {
		return nil
	}
	if _, err := w.count(ref, before, -1); err != nil {
		return err
	}
	b.entries[at].cell, err = w.count(ref, after, 1)
	return err
}

func (b *block) find(offset int64) (int, bool) {
	return slices.BinarySearchFunc(b.entries, offset, func(e entry, offset int64) int { return int(e.offset - offset) })
}

func (w *writing) block(ref schemas.RejectRef) (*block, error) {
	id := blockID{ref.Partition, baseOf(ref.Offset)}
	if b, ok := w.blocks[id]; ok {
		return b, nil
	}
	b := &block{base: id.base}
	if err := b.decode(id.base, w.tx.Bucket(blockBucket).Get(blockKey(id.partition, id.base))); err != nil {
		return nil, err
	}
	w.blocks[id] = b
	return b, nil
}

// count adds to the tally of a cell and returns the cell's number.
func (w *writing) count(ref schemas.RejectRef, c cell, n int64) (uint64, error) {
	key := c.key()
	t, ok := w.cells[key]
	if !ok {
		found, known := decodeTally(w.tx.Bucket(cellsBucket).Get([]byte(key)))
		if !known {
			id, err := w.tx.Bucket(idsBucket).NextSequence()
			if err != nil {
				return 0, fmt.Errorf("numbering a cell: %w", err)
			}
			found = tally{ID: id, Partition: ref.Partition, First: ref.Offset, Last: ref.Offset}
		}
		t = &found
		w.cells[key], w.keys[t.ID] = t, key
	}
	t.Count += n
	if n > 0 {
		t.First, t.Last = min(t.First, ref.Offset), max(t.Last, ref.Offset)
	}
	return t.ID, nil
}

func (w *writing) keyOf(id uint64) (string, error) {
	if key, ok := w.keys[id]; ok {
		return key, nil
	}
	key := w.tx.Bucket(idsBucket).Get(idKey(id))
	if key == nil {
		return "", errBlock
	}
	w.keys[id] = string(key)
	return string(key), nil
}

func idKey(id uint64) []byte { return binary.BigEndian.AppendUint64(nil, id) }

// took notes that a run has taken the rejects of an import in a range.
func (w *writing) took(importName, run string, in schemas.RejectRange) error {
	refs := map[schemas.RejectRef]bool{}
	for id := range w.blocks { // those of this transaction are not in the store yet
		if id.partition == in.Partition && id.base >= baseOf(in.From) && id.base <= in.To {
			refs[schemas.RejectRef{Partition: id.partition, Offset: id.base}] = true
		}
	}
	cursor := w.tx.Bucket(blockBucket).Cursor()
	for k, _ := cursor.Seek(blockKey(in.Partition, baseOf(in.From))); k != nil; k, _ = cursor.Next() {
		partition, base := parseBlockKey(k)
		if partition != in.Partition || base > in.To {
			break
		}
		refs[schemas.RejectRef{Partition: partition, Offset: base}] = true
	}
	for at := range refs {
		b, err := w.block(at)
		if err != nil {
			return err
		}
		for _, e := range b.entries {
			if e.offset < in.From || e.offset > in.To {
				continue
			}
			err := w.move(schemas.RejectRef{Partition: in.Partition, Offset: e.offset}, func(c *cell) {
				if c.Import == importName {
					c.Replay, c.Again = run, false
				}
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// forget drops everything of a partition below an offset, which retention has deleted.
func (w *writing) forget(partition int32, below int64) error {
	var whole [][]byte
	cursor := w.tx.Bucket(blockBucket).Cursor()
	for k, raw := cursor.Seek(blockKey(partition, 0)); k != nil; k, raw = cursor.Next() {
		p, base := parseBlockKey(k)
		if p != partition || base >= below {
			break
		}
		b := &block{}
		if err := b.decode(base, raw); err != nil {
			return err
		}
		kept, _ := b.find(below)
		for _, e := range b.entries[:kept] {
			key, err := w.keyOf(e.cell)
			if err != nil {
				return err
			}
			c, ok := parseCell(key)
			if !ok {
				return errBlock
			}
			if _, err := w.count(schemas.RejectRef{Partition: partition, Offset: e.offset}, c, -1); err != nil {
				return err
			}
		}
		if kept == len(b.entries) {
			whole = append(whole, slices.Clone(k))
			continue
		}
		b.entries = b.entries[kept:]
		w.blocks[blockID{partition, base}] = b
	}
	for _, k := range whole {
		if err := w.tx.Bucket(blockBucket).Delete(k); err != nil {
			return fmt.Errorf("dropping a block: %w", err)
		}
	}
	return nil
}

func (w *writing) position(tp kafka.TP, next int64) error {
	value := binary.BigEndian.AppendUint64(nil, uint64(next)) //nolint:gosec // offsets are not negative
	return w.tx.Bucket(metaBucket).Put(positionKey(tp), value)
}

// end writes what was touched. Cells without rejects leave the store.
func (w *writing) end() error {
	cells, ids := w.tx.Bucket(cellsBucket), w.tx.Bucket(idsBucket)
	for _, key := range slices.Sorted(maps.Keys(w.cells)) {
		t := w.cells[key]
		var err error
		if t.Count > 0 {
			err = put(cells, []byte(key), t.encode(), ids, idKey(t.ID), []byte(key))
		} else {
			err = drop(cells, []byte(key), ids, idKey(t.ID))
		}
		if err != nil {
			return fmt.Errorf("writing a cell: %w", err)
		}
	}
	for id, b := range w.blocks {
		key := blockKey(id.partition, id.base)
		var err error
		if len(b.entries) > 0 {
			err = w.tx.Bucket(blockBucket).Put(key, b.encode())
		} else {
			err = w.tx.Bucket(blockBucket).Delete(key)
		}
		if err != nil {
			return fmt.Errorf("writing a block: %w", err)
		}
	}
	return nil
}

func put(a *bolt.Bucket, key, value []byte, b *bolt.Bucket, key2, value2 []byte) error {
	if err := a.Put(key, value); err != nil {
		return err
	}
	return b.Put(key2, value2)
}

func drop(a *bolt.Bucket, key []byte, b *bolt.Bucket, key2 []byte) error {
	if err := a.Delete(key); err != nil {
		return err
	}
	return b.Delete(key2)
}
