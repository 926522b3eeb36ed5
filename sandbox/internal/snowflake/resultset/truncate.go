package resultset

import (
	"bytes"
	"compress/gzip"
	"errors"

	"github.com/apache/arrow-go/v18/arrow/ipc"
)

// WithoutLastRow returns a valid chunk without the last row, as a driver delivers it that
// stops early and reports no error.
func WithoutLastRow(data []byte) ([]byte, error) {
	unzip, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	in, err := ipc.NewReader(unzip)
	if err != nil {
		return nil, err
	}
	defer in.Release()
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	writer := ipc.NewWriter(zip, ipc.WithSchema(in.Schema()))
	for in.Next() {
		batch := in.RecordBatch()
		short := batch.NewSlice(0, max(0, batch.NumRows()-1))
		err = errors.Join(err, writer.Write(short))
		short.Release()
	}
	err = errors.Join(err, in.Err(), writer.Close(), zip.Close())
	return out.Bytes(), err
}
