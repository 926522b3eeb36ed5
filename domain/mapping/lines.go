package mapping

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// LineCounts sums up MapLines. Unseen are the columns that the mapping reads and
// no row had: most likely misspelt.
type LineCounts struct {
	Rows     int64
	Mapped   int64
	Rejected int64
	Unseen   []string
}

// MapLines maps rows, one JSON object a line, without any service. It writes one
// line for each line read, in their order, counted from 1: {"row":N,"record":{…}}
// with the exact bytes for CleverTap, or {"row":N,"reject":{…}}.
func (m *Mapping) MapLines(w io.Writer, rows io.Reader, clockSeconds int64) (LineCounts, error) {
	var counts LineCounts
	in, out := bufio.NewReaderSize(rows, 1<<16), bufio.NewWriterSize(w, 1<<16)
	seen := make([]bool, len(m.columns.names))
	s := newScratch(len(seen))
	var line, record []byte
	for {
		row, err := in.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return counts, fmt.Errorf("reading rows: %w", err)
		}
		if len(row) == 0 {
			break
		}
		counts.Rows++
		var rejects []Reject
		record, rejects = m.Map(record[:0], bytes.TrimSuffix(row, []byte("\n")), clockSeconds)
		if line, err = appendLine(line[:0], counts.Rows, record, rejects); err != nil {
			return counts, err
		}
		if len(rejects) > 0 {
			counts.Rejected++
		} else {
			counts.Mapped++
		}
		if _, err := out.Write(line); err != nil {
			return counts, fmt.Errorf("writing records: %w", err)
		}
		m.notice(seen, row, s)
	}
	for i, was := range seen {
		if !was {
			counts.Unseen = append(counts.Unseen, m.columns.names[i])
		}
	}
	if err := out.Flush(); err != nil {
		return counts, fmt.Errorf("writing records: %w", err)
	}
	return counts, nil
}

// notice marks the columns that a row has.
func (m *Mapping) notice(seen []bool, row []byte, s *scratch) {
	if f := m.read(row, s); !f.none() {
		return
	}
	for i, t := range s.tokens {
		seen[i] = seen[i] || t.kind != kindAbsent
	}
}

func appendLine(dst []byte, n int64, record []byte, rejects []Reject) ([]byte, error) {
	dst = strconv.AppendInt(append(dst, `{"row":`...), n, 10)
	if len(rejects) == 0 {
		dst = append(append(dst, `,"record":`...), record...)
		return append(dst, '}', '\n'), nil
	}
	dst = append(dst, `,"reject":`...)
	buf := bytes.NewBuffer(dst)
	encoder := json.NewEncoder(buf)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(rejects[0]); err != nil {
		return nil, fmt.Errorf("writing a reject: %w", err)
	}
	dst = bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
	return append(dst, '}', '\n'), nil
}
