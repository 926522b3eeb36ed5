package rejectfile

import (
	"io"
	"time"

	"github.com/parquet-go/parquet-go"
)

// groupBytes is about how large a row group becomes, which is in memory before it is
// written, and groupRows how many lines it has at most.
const (
	groupBytes = 8 << 20
	groupRows  = 50_000
)

// row is a line of a Parquet file. Its names are the CSV file's.
type row struct {
	Ref           string    `parquet:"ref"`
	Time          time.Time `parquet:"time,timestamp(microsecond)"`
	Import        string    `parquet:"import,dict"`
	Run           string    `parquet:"run,dict"`
	Attempt       int32     `parquet:"attempt"`
	Stage         string    `parquet:"stage,dict"`
	Code          string    `parquet:"code,dict"`
	Class         string    `parquet:"class,dict"`
	Column        *string   `parquet:"column,optional,dict"`
	Property      *string   `parquet:"property,optional,dict"`
	Reason        string    `parquet:"reason,dict"`
	State         string    `parquet:"state,dict"`
	ReplayedBy    *string   `parquet:"replayedBy,optional,dict"`
	RejectedAgain bool      `parquet:"rejectedAgain"`
	Identity      *string   `parquet:"identity,optional"`
	ID            string    `parquet:"id"`
	Topic         *string   `parquet:"topic,optional,dict"`
	Partition     int32     `parquet:"partition"`
	Offset        int64     `parquet:"offset"`
	Row           *string   `parquet:"row,optional"`
	Record        *string   `parquet:"record,optional"`
}

type parquetFile struct {
	writer *parquet.GenericWriter[row]
	rows   []row // of one line, used again
	bytes  int
	lines  int
}

func newParquet(w io.Writer) *parquetFile {
	return &parquetFile{
		writer: parquet.NewGenericWriter[row](w, parquet.Compression(&parquet.Snappy), parquet.PageBufferSize(256<<10), parquet.DataPageStatistics(false)),
		rows:   make([]row, 1),
	}
}

func (*parquetFile) Type() string { return ParquetType }

func (f *parquetFile) Write(l Line) error {
	f.rows[0] = row{
		Ref: l.Ref, Time: l.Time, Import: l.Import, Run: l.Run, Attempt: int32(l.Attempt), //nolint:gosec // attempts are few
		Stage: l.Stage, Code: l.Code, Class: l.Class, Column: given(l.Column), Property: given(l.Property), Reason: l.Reason,
		State: l.State, ReplayedBy: given(l.ReplayedBy), RejectedAgain: l.RejectedAgain, Identity: given(l.Identity), ID: l.ID, Topic: given(l.Topic),
		Partition: l.Partition, Offset: l.Offset, Row: given(string(l.Row)), Record: given(string(l.Record)),
	}
	if _, err := f.writer.Write(f.rows); err != nil {
		return err
	}
	f.lines++
	f.bytes += len(l.Row) + len(l.Record) + len(l.Reason) + 200
	if f.bytes < groupBytes && f.lines < groupRows {
		return nil
	}
	f.bytes, f.lines = 0, 0
	return f.writer.Flush()
}

func (f *parquetFile) Close() error { return f.writer.Close() }

// given is nil of an empty text, which is NULL in the file.
func given(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
