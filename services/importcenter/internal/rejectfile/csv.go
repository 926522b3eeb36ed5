package rejectfile

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"
	"time"
)

// byteOrderMark makes Excel read a file as UTF-8.
const byteOrderMark = "\uFEFF"

type csvFile struct {
	w      io.Writer
	csv    *csv.Writer
	begun  bool
	prefix string
}

func newCSV(w io.Writer, bom bool) *csvFile {
	f := &csvFile{w: w, csv: csv.NewWriter(w)}
	f.csv.UseCRLF = true // RFC 4180
	if bom {
		f.prefix = byteOrderMark
	}
	return f
}

func (*csvFile) Type() string { return CSVType + "; charset=utf-8" }

var header = []string{
	"ref", "time", "import", "run", "attempt", "stage", "code", "class", "column", "property", "reason", "state", "replayedBy",
	"rejectedAgain", "identity", "id", "topic", "partition", "offset", "row", "record",
}

func (f *csvFile) begin() error {
	if f.begun {
		return nil
	}
	f.begun = true
	if _, err := io.WriteString(f.w, f.prefix); err != nil {
		return err
	}
	return f.csv.Write(header)
}

func (f *csvFile) Write(l Line) error {
	if err := f.begin(); err != nil {
		return err
	}
	values := []string{
		l.Ref, l.Time.UTC().Format(time.RFC3339Nano), l.Import, l.Run, strconv.Itoa(l.Attempt), l.Stage, l.Code, l.Class, l.Column, l.Property, l.Reason,
		l.State, l.ReplayedBy, strconv.FormatBool(l.RejectedAgain), l.Identity, l.ID, l.Topic, strconv.Itoa(int(l.Partition)), strconv.FormatInt(l.Offset, 10),
		string(l.Row), string(l.Record),
	}
	for i, v := range values {
		values[i] = neutral(v)
	}
	return f.csv.Write(values)
}

func (f *csvFile) Close() error {
	if err := f.begin(); err != nil {
		return err
	}
	f.csv.Flush()
	return f.csv.Error()
}

// neutral puts an apostrophe before a text that a spreadsheet would take for a formula:
// somebody who can write a row must not make the computer of whoever opens the file act.
// Blanks in front do not keep spreadsheets from it. A number is left as it is.
func neutral(text string) string {
	trimmed := strings.TrimLeft(text, " \u00a0\u3000")
	if trimmed == "" || !strings.ContainsAny(trimmed[:1], "=+-@\t\r\n") && !strings.HasPrefix(trimmed, "＝") && !strings.HasPrefix(trimmed, "＋") &&
		!strings.HasPrefix(trimmed, "－") && !strings.HasPrefix(trimmed, "＠") {
		return text
	}
	if strings.Trim(trimmed[1:], "0123456789") == "" && trimmed[0] == '-' && len(trimmed) > 1 {
		return text
	}
	return "'" + text
}
