package snowflake

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
)

// The kinds of statements in the protocol.
const (
	typeSelect = 0x1000
	typeInsert = 0x3100
	typeUpdate = 0x3200
	typeDelete = 0x3300
	typeMerge  = 0x3400
	typeSCL    = 0x4000
	typeTCL    = 0x5000
	typeDDL    = 0x6000
	typeShow   = 0x4600
)

// chunk is a part of a result, fetched by its own URL.
type chunk struct {
	gzip         []byte
	rows         int
	uncompressed int
}

// result is the kept answer to a statement.
type result struct {
	columns   []column
	statement int
	arrow     bool
	total     int64
	inline    []byte      // an Arrow stream
	rows      [][]*string // of a JSON result
	chunks    []chunk
	binds     int

	database, schema, warehouse, role string // of the session after the statement
}

func (r *result) bytes() int {
	n := len(r.inline)
	for _, c := range r.chunks {
		n += len(c.gzip)
	}
	return n
}

// appendPart adds encoded rows to a result.
func (r *result) appendPart(encoded []arrow.Array, rows int, inline bool) error {
	var data []byte
	var err error
	if r.arrow {
		data, err = encodeStream(r.columns, encoded, rows)
	} else {
		texts := make([][]*string, len(encoded))
		for i, a := range encoded {
			if texts[i], err = jsonColumn(r.columns[i].Type, a); err != nil {
				return err
			}
		}
		part := transpose(texts, rows)
		if inline {
			r.rows = part
			return nil
		}
		data, err = jsonChunk(part)
	}
	if err != nil {
		return err
	}
	if inline {
		r.inline = data
		return nil
	}
	packed, err := pack(data)
	if err != nil {
		return err
	}
	r.chunks = append(r.chunks, chunk{gzip: packed, rows: rows, uncompressed: len(data)})
	return nil
}

// jsonChunk is rows without the brackets around them, as Snowflake stores them.
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

func text(s string) *string { return &s }

// tableResult is a JSON result of texts, as SHOW and DESCRIBE give.
func tableResult(statement int, names []string, rows [][]*string) *result {
	r := &result{statement: statement, rows: rows, total: int64(len(rows))}
	if rows == nil {
		r.rows = [][]*string{}
	}
	for _, name := range names {
		r.columns = append(r.columns, column{Name: name, Type: textType(), Nullable: true})
	}
	return r
}

// statusResult is the answer to a statement that only does something.
func statusResult(statement int, message string) *result {
	return tableResult(statement, []string{"status"}, [][]*string{{text(message)}})
}

// countResult is the answer to a DML statement.
func countResult(statement int, names []string, counts ...int64) *result {
	r := &result{statement: statement, total: counts[0]}
	row := make([]*string, len(counts))
	for i, name := range names {
		r.columns = append(r.columns, column{Name: name, Type: fixedType(19, 0)})
		row[i] = text(fmt.Sprint(counts[i]))
	}
	r.rows, r.total = [][]*string{row}, 1
	return r
}
