package resultset

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"

	"tapline.dev/sandbox/internal/snowflake/sftype"
)

// The kinds of statements in the protocol.
const (
	Select             = 0x1000
	Insert             = 0x3100
	Update             = 0x3200
	Delete             = 0x3300
	Merge              = 0x3400
	SessionControl     = 0x4000
	TransactionControl = 0x5000
	Definition         = 0x6000
	Show               = 0x4600
)

// Chunk is a part of a result that has its own URL.
type Chunk struct {
	Gzip         []byte
	Rows         int
	Uncompressed int
}

// Result is the stored answer to a statement.
type Result struct {
	Columns   []sftype.Column
	Statement int
	Arrow     bool
	Total     int64
	Inline    []byte      // an Arrow stream
	Rows      [][]*string // of a JSON result
	Chunks    []Chunk
	Binds     int

	Database, Schema, Warehouse, Role string // of the session after the statement
}

// Bytes returns the size of the stored rows.
func (r *Result) Bytes() int {
	n := len(r.Inline)
	for _, c := range r.Chunks {
		n += len(c.Gzip)
	}
	return n
}

// appendPart adds encoded rows to a result.
func (r *Result) appendPart(encoded []arrow.Array, rows int, inline bool) error {
	var data []byte
	var err error
	if r.Arrow {
		data, err = encodeStream(r.Columns, encoded, rows)
	} else {
		texts := make([][]*string, len(encoded))
		for i, a := range encoded {
			if texts[i], err = jsonColumn(r.Columns[i].Type, a); err != nil {
				return err
			}
		}
		part := transpose(texts, rows)
		if inline {
			r.Rows = part
			return nil
		}
		data, err = jsonChunk(part)
	}
	if err != nil {
		return err
	}
	if inline {
		r.Inline = data
		return nil
	}
	packed, err := pack(data)
	if err != nil {
		return err
	}
	r.Chunks = append(r.Chunks, Chunk{Gzip: packed, Rows: rows, Uncompressed: len(data)})
	return nil
}

// jsonChunk encodes rows as JSON without the brackets around them, as Snowflake's chunks
// are.
func jsonChunk(rows [][]*string) ([]byte, error) {
	data, err := json.Marshal(rows)
	if err != nil {
		return nil, fmt.Errorf("encoding rows: %w", err)
	}
	return data[1 : len(data)-1], nil
}

func pack(data []byte) ([]byte, error) {
	var buf bytes.Buffer
	w, err := gzip.NewWriterLevel(&buf, gzip.BestSpeed)
	if err != nil {
		return nil, fmt.Errorf("opening gzip: %w", err)
	}
	if _, err := w.Write(data); err != nil {
		return nil, fmt.Errorf("packing chunk: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("packing chunk: %w", err)
	}
	return buf.Bytes(), nil
}

// Cell returns a value for a JSON result.
func Cell(s string) *string { return &s }

// TableResult returns a JSON result of texts, as of SHOW and DESCRIBE.
func TableResult(statement int, names []string, rows [][]*string) *Result {
	r := &Result{Statement: statement, Rows: rows, Total: int64(len(rows))}
	if rows == nil {
		r.Rows = [][]*string{}
	}
	for _, name := range names {
		r.Columns = append(r.Columns, sftype.Column{Name: name, Type: sftype.Text(), Nullable: true})
	}
	return r
}

// StatusResult returns the answer to a statement without rows.
func StatusResult(statement int, message string) *Result {
	return TableResult(statement, []string{"status"}, [][]*string{{Cell(message)}})
}

// CountResult returns the answer to a DML statement.
func CountResult(statement int, names []string, counts ...int64) *Result {
	r := &Result{Statement: statement, Total: counts[0]}
	row := make([]*string, len(counts))
	for i, name := range names {
		r.Columns = append(r.Columns, sftype.Column{Name: name, Type: sftype.Number(19, 0)})
		row[i] = Cell(fmt.Sprint(counts[i]))
	}
	r.Rows, r.Total = [][]*string{row}, 1
	return r
}
