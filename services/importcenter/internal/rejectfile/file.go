// Package rejectfile writes rejects, and rows of runs, as NDJSON, CSV or Parquet, in bounded memory.
package rejectfile

import (
	"encoding/json"
	"io"

	"tapline.dev/schemas"
)

// Media types of files.
const (
	NDJSONType  = "application/x-ndjson"
	CSVType     = "text/csv"
	ParquetType = "application/vnd.apache.parquet"
)

// Line is a reject with what has become of it.
type Line struct {
	schemas.Reject
	Ref           string `json:"ref"`
	State         string `json:"state"`
	ReplayedBy    string `json:"replayedBy,omitempty"`
	RejectedAgain bool   `json:"rejectedAgain,omitempty"`
}

// File takes lines. It is not valid before Close.
type File interface {
	Type() string
	Write(line Line) error
	Close() error
}

// New returns a file of a format: ndjson, csv or parquet. A CSV file begins with a byte
// order mark if bom is set.
func New(format string, bom bool, w io.Writer) File {
	switch format {
	case "csv":
		return newCSV(w, bom)
	case "parquet":
		return newParquet(w)
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return ndjsonFile{encoder}
}

type ndjsonFile struct{ encoder *json.Encoder }

func (ndjsonFile) Type() string            { return NDJSONType }
func (f ndjsonFile) Write(line Line) error { return f.encoder.Encode(line) }
func (ndjsonFile) Close() error            { return nil }
