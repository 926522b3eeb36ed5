package rowjson

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"tapline.dev/libs/jsonstring"
	"tapline.dev/schemas"
)

const (
	blockSize    = 1 << 20
	blockReserve = 32 << 10
)

// Row is one row of a chunk. JSON stays valid for as long as anyone holds it;
// the values are only valid inside the callback that got the row.
type Row struct {
	JSON []byte
	// Unreadable is the index of the first column whose value has no exact text,
	// -1 if there is none. JSON then holds null in its place.
	Unreadable int
	// Placeholders are the columns whose value is a placeholder.
	Placeholders []int

	start int
	spans []span
	block []byte
}

type span struct{ from, to int }

// Value is the JSON token of column i.
func (r *Row) Value(i int) []byte {
	s := r.spans[i]
	return r.block[r.start+s.from : r.start+s.to]
}

// Without returns the row's JSON with placeholders for values of unmapped columns, the
// largest first, until it has at most size bytes. It returns nil if that is not possible; otherwise it notes the columns in Placeholders.
func (d *Decoder) Without(r *Row, size int) []byte {
	order := make([]int, 0, d.visible)
	for c := range d.visible {
		if d.loose(c) && r.spans[c].to-r.spans[c].from > len(Placeholder) {
			order = append(order, c)
		}
	}
	slices.SortFunc(order, func(a, b int) int {
		return (r.spans[b].to - r.spans[b].from) - (r.spans[a].to - r.spans[a].from)
	})
	have, without := len(r.JSON), map[int]bool{}
	for _, c := range order {
		if have <= size {
			break
		}
		have -= r.spans[c].to - r.spans[c].from - len(Placeholder)
		without[c] = true
	}
	if have > size {
		return nil
	}
	out := make([]byte, 0, have)
	for c := range d.visible {
		out = append(out, d.keys[c]...)
		if without[c] {
			out = append(out, Placeholder...)
			r.Placeholders = append(r.Placeholders, c)
		} else {
			out = append(out, r.Value(c)...)
		}
	}
	return append(out, '}')
}

// Null reports whether column i is NULL.
func (r *Row) Null(i int) bool { return string(r.Value(i)) == "null" }

// Decoder writes the rows of one result. It is for one goroutine.
type Decoder struct {
	columns []schemas.Column
	keys    [][]byte
	visible int
	loose   func(column int) bool // held to no rules
	block   []byte
	spans   []span
	current Row // the one that the callback sees
	marked  []int
}

// NewDecoder returns a decoder for a result with these columns, of which the
// first visible ones stand in the row's JSON; the rest can only be asked for
// with Value.
func NewDecoder(columns []schemas.Column, visible int) (*Decoder, error) {
	return newDecoder(columns, visible, func(int) bool { return false })
}

func newDecoder(columns []schemas.Column, visible int, loose func(int) bool) (*Decoder, error) {
	d := &Decoder{columns: columns, visible: visible, loose: loose, spans: make([]span, len(columns))}
	for i, c := range columns {
		if !loose(i) && !Supported(c.Type) {
			return nil, fmt.Errorf("column %s has type %s, which cannot be read", c.Name, c.Type)
		}
		key := []byte{','}
		if i == 0 {
			key = []byte{'{'}
		}
		key = jsonstring.Append(key, []byte(c.Name))
		d.keys = append(d.keys, append(key, ':'))
	}
	return d, nil
}

// Supported reports whether values of Snowflake's type can be written exactly.
func Supported(snowflakeType string) bool {
	switch snowflakeType {
	case "FIXED", "REAL", "TEXT", "BOOLEAN", "DATE", "TIME", "TIMESTAMP_NTZ", "TIMESTAMP_LTZ", "TIMESTAMP_TZ",
		"BINARY", "VARIANT", "OBJECT", "ARRAY", "GEOGRAPHY", "GEOMETRY":
		return true
	}
	return false
}

// Rows calls fn for each row of one chunk, a whole Arrow IPC stream, in order,
// and returns how many there were. fn reports whether it keeps the row's JSON.
func (d *Decoder) Rows(chunk []byte, fn func(*Row) (keep bool, err error)) (count int64, err error) {
	reader, err := open(chunk)
	if err != nil {
		return 0, err
	}
	defer reader.Release()
	// Arrow panics at a value that does not lie in its buffer. A panic of fn is not the chunk's.
	inside := false
	defer func() {
		if inside {
			return
		}
		if p := recover(); p != nil {
			count, err = 0, errors.New("reading the chunk: a value lies outside of its buffer")
		}
	}()
	for reader.Next() {
		batch := reader.RecordBatch()
		appenders, err := d.appenders(batch)
		if err != nil {
			return count, err
		}
		for i := range int(batch.NumRows()) {
			row := d.row(appenders, i)
			inside = true
			keep, err := fn(row)
			inside = false
			if err != nil {
				return count, err
			}
			d.took(row, keep)
			count++
		}
	}
	if err := reader.Err(); err != nil {
		return count, fmt.Errorf("reading the chunk: %w", err)
	}
	return count, nil
}

func (d *Decoder) appenders(batch arrow.RecordBatch) ([]appender, error) {
	if int(batch.NumCols()) != len(d.columns) {
		return nil, fmt.Errorf("the chunk has %d columns, the result %d", batch.NumCols(), len(d.columns))
	}
	out := make([]appender, len(d.columns))
	for i, c := range d.columns {
		if d.loose(i) {
			out[i] = looseAppender(c, batch.Schema().Field(i), batch.Column(i))
			continue
		}
		a, err := newAppender(c, batch.Schema().Field(i), batch.Column(i))
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", c.Name, err)
		}
		out[i] = a
	}
	return out, nil
}

// row appends one row to the block. The hidden columns stand behind the
// object's closing brace and are dropped afterwards.
func (d *Decoder) row(appenders []appender, i int) *Row {
	if cap(d.block)-len(d.block) < blockReserve {
		d.block = make([]byte, 0, blockSize)
	}
	start := len(d.block)
	b := d.block
	unreadable := -1
	d.marked = d.marked[:0]
	end := start
	for c, appendValue := range appenders {
		if c == d.visible {
			b = append(b, '}')
			end = len(b)
		}
		if c < d.visible {
			b = append(b, d.keys[c]...)
		}
		from := len(b)
		var ok bool
		b, ok = appendValue(b, i)
		if !ok && d.loose(c) {
			d.marked = append(d.marked, c)
		} else if !ok {
			b = append(b[:from], "null"...)
			if unreadable < 0 {
				unreadable = c
			}
		}
		d.spans[c] = span{from: from - start, to: len(b) - start}
	}
	if d.visible == len(appenders) {
		b = append(b, '}')
		end = len(b)
	}
	d.current = Row{JSON: b[start:end:end], Unreadable: unreadable, Placeholders: d.marked, start: start, spans: d.spans, block: b}
	return &d.current
}

// took makes room for the next row.
func (d *Decoder) took(r *Row, keep bool) {
	end := r.start
	if keep {
		end += len(r.JSON)
	}
	d.block = r.block[:end]
}

// Count is how many rows a chunk holds. It fails where Rows would, so that a
// broken chunk is known before any of its rows is used.
func Count(chunk []byte) (int64, error) {
	reader, err := open(chunk)
	if err != nil {
		return 0, err
	}
	defer reader.Release()
	var count int64
	for reader.Next() {
		count += reader.RecordBatch().NumRows()
	}
	if err := reader.Err(); err != nil {
		return count, fmt.Errorf("reading the chunk: %w", err)
	}
	return count, nil
}

// open begins an Arrow IPC stream. What does not begin like one is refused
// here: the reader would take its first bytes for a length and allocate it.
func open(chunk []byte) (*ipc.Reader, error) {
	const continuation = 0xFFFFFFFF
	head := chunk
	if len(head) >= 4 && binary.LittleEndian.Uint32(head) == continuation {
		head = head[4:]
	}
	if len(head) < 4 || uint64(binary.LittleEndian.Uint32(head)) > uint64(len(head)-4) {
		return nil, errors.New("opening the chunk: it is not an Arrow stream")
	}
	if err := checkSchema(head[4 : 4+binary.LittleEndian.Uint32(head)]); err != nil {
		return nil, err
	}
	size := int64(len(chunk))
	memory := &bounded{Allocator: memory.DefaultAllocator, left: 2*size + 1<<20}
	messages := ipc.NewMessageReader(bytes.NewReader(chunk), ipc.WithAllocator(memory), ipc.WithMetadataSizeLimit(size), ipc.WithBodySizeLimit(size))
	reader, err := ipc.NewReaderFromMessageReader(messages, ipc.WithAllocator(memory))
	if err != nil {
		return nil, fmt.Errorf("opening the chunk: %w", err)
	}
	return reader, nil
}

// bounded gives a chunk's reader no more memory than the chunk can need: a length in it may say
// anything.
type bounded struct {
	memory.Allocator
	left int64
}

func (m *bounded) Allocate(size int) []byte {
	m.take(size)
	return m.Allocator.Allocate(size)
}

func (m *bounded) Reallocate(size int, b []byte) []byte {
	m.take(size - len(b))
	return m.Allocator.Reallocate(size, b)
}

func (m *bounded) Free(b []byte) {
	m.left += int64(len(b))
	m.Allocator.Free(b)
}

// take panics as Arrow's reader does at what it cannot read, which the reader recovers from.
func (m *bounded) take(size int) {
	if m.left -= int64(size); m.left < 0 {
		panic("a buffer of the chunk is larger than the chunk")
	}
}
