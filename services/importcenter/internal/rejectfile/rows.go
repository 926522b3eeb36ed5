package rejectfile

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"strconv"
	"time"

	"github.com/parquet-go/parquet-go"

	"tapline.dev/services/importcenter/internal/rowlog"
)

// RowsNote is what each reader of a file of rows is told.
const RowsNote = "cleverTapId is empty unless the import maps it: CleverTap tells it in a look-up only, and a file looks nobody up; open a single row for it"

// Rows is a file of the rows of a run. It is not valid before Close.
type Rows interface {
	Type() string
	Write(row rowlog.Row) error
	Close() error
}

// NewRows returns a file of a format: ndjson, csv or parquet. A CSV file begins with a byte
// order mark if bom is set.
func NewRows(format string, bom bool, w io.Writer) Rows {
	switch format {
	case "csv":
		f := &csvRows{csv: csv.NewWriter(w)}
		f.csv.UseCRLF = true // RFC 4180
		head := append([]string{}, rowsHeader...)
		if bom {
			head[0] = byteOrderMark + head[0]
		}
		f.failed = f.csv.Write(head)
		return f
	case "parquet":
		return &parquetRows{writer: parquet.NewGenericWriter[fileRow](w, parquet.Compression(&parquet.Snappy), parquet.PageBufferSize(256<<10),
			parquet.DataPageStatistics(false), parquet.KeyValueMetadata("note", RowsNote)), rows: make([]fileRow, 1)}
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return ndjsonRows{encoder}
}

type ndjsonRows struct{ encoder *json.Encoder }

func (ndjsonRows) Type() string                 { return NDJSONType }
func (f ndjsonRows) Write(row rowlog.Row) error { return f.encoder.Encode(row) }
func (ndjsonRows) Close() error                 { return nil }

var rowsHeader = []string{"ref", "id", "result", "stage", "code", "reason", "column", "property", "identity", "cleverTapId", "event", "upload", "time", "gone"}

type csvRows struct {
	csv    *csv.Writer
	failed error // of the header
}

func (*csvRows) Type() string { return CSVType + "; charset=utf-8" }

func (f *csvRows) Write(r rowlog.Row) error {
	if f.failed != nil {
		return f.failed
	}
	values := []string{
		r.Ref, r.ID, r.Result, r.Stage, r.Code, r.Reason, r.Column, r.Property, r.Identity, r.ObjectID, r.Event, r.Upload,
		r.Time.UTC().Format(time.RFC3339Nano), strconv.FormatBool(r.Gone),
	}
	for i, v := range values {
		values[i] = neutral(v)
	}
	return f.csv.Write(values)
}

func (f *csvRows) Close() error {
	if f.failed != nil {
		return f.failed
	}
	f.csv.Flush()
	return f.csv.Error()
}

// fileRow is a line of a Parquet file. Its names are the CSV file's.
type fileRow struct {
	Ref         string    `parquet:"ref"`
	ID          string    `parquet:"id"`
	Result      string    `parquet:"result,dict"`
	Stage       *string   `parquet:"stage,optional,dict"`
	Code        *string   `parquet:"code,optional,dict"`
	Reason      *string   `parquet:"reason,optional,dict"`
	Column      *string   `parquet:"column,optional,dict"`
	Property    *string   `parquet:"property,optional,dict"`
	Identity    *string   `parquet:"identity,optional"`
	CleverTapID *string   `parquet:"cleverTapId,optional"`
	Event       *string   `parquet:"event,optional,dict"`
	Upload      *string   `parquet:"upload,optional,dict"`
	Time        time.Time `parquet:"time,timestamp(microsecond)"`
	Gone        bool      `parquet:"gone"`
}

type parquetRows struct {
	writer *parquet.GenericWriter[fileRow]
	rows   []fileRow // of one line, used again
	lines  int
}

func (*parquetRows) Type() string { return ParquetType }

func (f *parquetRows) Write(r rowlog.Row) error {
	f.rows[0] = fileRow{
		Ref: r.Ref, ID: r.ID, Result: r.Result, Stage: given(r.Stage), Code: given(r.Code), Reason: given(r.Reason), Column: given(r.Column),
		Property: given(r.Property), Identity: given(r.Identity), CleverTapID: given(r.ObjectID), Event: given(r.Event), Upload: given(r.Upload),
		Time: r.Time, Gone: r.Gone,
	}
	if _, err := f.writer.Write(f.rows); err != nil {
		return err
	}
	if f.lines++; f.lines < groupRows {
		return nil
	}
	f.lines = 0
	return f.writer.Flush()
}

func (f *parquetRows) Close() error { return f.writer.Close() }
