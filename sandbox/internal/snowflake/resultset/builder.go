package resultset

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"tapline.dev/sandbox/internal/snowflake/sftype"
)

// Builder splits the batches of DuckDB into an inline part and chunks. A NUMBER has one
// carrier in the whole result, because not every driver accepts another in each chunk. With
// vary each chunk has the narrowest carrier for its values, as Snowflake may choose it.
type Builder struct {
	result       *Result
	inlineRows   int
	chunkRows    int
	VaryCarriers bool
	Limit        int             // of rows; 0 for none
	Indent       int             // of a VARIANT's lines
	pending      [][]arrow.Array // by column
	count        int
	cut          int // rows in parts
	parts        []part
	ranges       []numberRange // by column
}

// part holds the rows of one chunk before they are encoded.
type part struct {
	arrays []arrow.Array
	rows   int
}

// NewBuilder returns a builder for a result with these columns.
func NewBuilder(columns []sftype.Column, asArrow bool, inlineRows, chunkRows int) *Builder {
	return &Builder{
		result:     &Result{Columns: columns, Statement: Select, Arrow: asArrow, Rows: [][]*string{}},
		inlineRows: inlineRows, chunkRows: chunkRows, Indent: 2,
		pending: make([][]arrow.Array, len(columns)), ranges: make([]numberRange, len(columns)),
	}
}

func (b *Builder) want() int {
	if b.cut == 0 {
		return b.inlineRows
	}
	return b.chunkRows
}

// Add appends the rows of a batch.
func (b *Builder) Add(batch arrow.RecordBatch) error {
	offset, rows := int64(0), batch.NumRows()
	if b.Limit > 0 {
		rows = min(rows, int64(b.Limit-b.cut-b.count))
	}
	for offset < rows {
		take := min(rows-offset, int64(b.want()-b.count))
		for i := range b.pending {
			b.pending[i] = append(b.pending[i], array.NewSlice(batch.Column(i), offset, offset+take))
		}
		offset += take
		b.count += int(take)
		if b.count == b.want() {
			if err := b.close(); err != nil {
				return err
			}
		}
	}
	return nil
}

// close makes a part of the pending rows.
func (b *Builder) close() error {
	if b.count == 0 {
		return nil
	}
	p := part{rows: b.count}
	b.cut, b.count = b.cut+b.count, 0
	for i, slices := range b.pending {
		joined, err := array.Concatenate(slices, memory.DefaultAllocator)
		for _, s := range slices {
			s.Release()
		}
		b.pending[i] = nil
		if err != nil {
			return fmt.Errorf("joining batches: %w", err)
		}
		p.arrays = append(p.arrays, joined)
		if b.result.Columns[i].Type.Logical == "FIXED" && !b.VaryCarriers {
			r, err := rangeOf(joined)
			if err != nil {
				return err
			}
			b.ranges[i] = b.ranges[i].join(r)
		}
	}
	b.parts = append(b.parts, p)
	return nil
}

// Finish encodes all parts and returns the result.
func (b *Builder) Finish() (*Result, error) {
	if err := b.close(); err != nil {
		return nil, err
	}
	for i, p := range b.parts {
		if err := b.encode(p, i == 0); err != nil {
			return nil, err
		}
		b.parts[i] = part{}
	}
	return b.result, nil
}

func (b *Builder) encode(p part, inline bool) error {
	encoded := make([]arrow.Array, len(p.arrays))
	defer func() {
		for _, a := range encoded {
			if a != nil {
				a.Release()
			}
		}
	}()
	for i, in := range p.arrays {
		r := b.ranges[i]
		var err error
		if b.VaryCarriers && b.result.Columns[i].Type.Logical == "FIXED" {
			if r, err = rangeOf(in); err != nil {
				return err
			}
		}
		encoded[i], err = encodeColumn(b.result.Columns[i].Type, in, r, b.Indent)
		in.Release()
		if err != nil {
			return err
		}
	}
	b.result.Total += int64(p.rows)
	return b.result.appendPart(encoded, p.rows, inline)
}
