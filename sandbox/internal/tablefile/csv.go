package tablefile

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

type csvRows struct {
	file    string
	comma   rune
	columns []string
}

// openCSV reads the header. Without a comma of its own the most frequent of , ; | and tab in
// the header separates.
func openCSV(file string, comma rune) (*csvRows, error) {
	r := &csvRows{file: file, comma: comma}
	err := withFile(file, func(in *bufio.Reader) error {
		if r.comma == 0 {
			head, _ := in.Peek(1 << 16) // what there is
			r.comma = separator(string(head))
		}
		header, err := r.reader(in).Read()
		if errors.Is(err, io.EOF) {
			return errEmpty
		}
		if err != nil {
			return fmt.Errorf("line 1: %w", err)
		}
		seen := map[string]bool{}
		for i, name := range header {
			name = strings.TrimSpace(name)
			switch folded := strings.ToUpper(name); {
			case !utf8.ValidString(name):
				return fmt.Errorf("line 1: the name of column %d is not UTF-8; save the file as UTF-8", i+1)
			case name == "":
				return fmt.Errorf("line 1: column %d has no name; the first line must name the columns", i+1)
			case seen[folded]:
				return fmt.Errorf("line 1: two columns are named %s", folded)
			default:
				seen[folded] = true
				r.columns = append(r.columns, folded)
			}
		}
		return nil
	})
	return r, err
}

func separator(head string) rune {
	head, _, _ = strings.Cut(head, "\n")
	best, most := ',', 0
	for _, c := range ",;|\t" {
		if n := strings.Count(head, string(c)); n > most {
			best, most = c, n
		}
	}
	return best
}

func (r *csvRows) reader(in io.Reader) *csv.Reader {
	out := csv.NewReader(in)
	out.Comma, out.ReuseRecord, out.FieldsPerRecord = r.comma, true, -1
	return out
}

func (r *csvRows) Columns() []string { return r.columns }

func (r *csvRows) Each(row func(int, []*string) error) error {
	return withFile(r.file, func(in *bufio.Reader) error {
		reader := r.reader(in)
		if _, err := reader.Read(); err != nil {
			return fmt.Errorf("line 1: %w", err)
		}
		cells := make([]*string, len(r.columns))
		for {
			record, err := reader.Read()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				var parse *csv.ParseError
				if errors.As(err, &parse) {
					return fmt.Errorf("line %d: %w", parse.Line, parse.Err)
				}
				return fmt.Errorf("reading file: %w", err)
			}
			line, _ := reader.FieldPos(0)
			if len(record) != len(r.columns) {
				return fmt.Errorf("line %d has %d fields, the header has %d", line, len(record), len(r.columns))
			}
			for i, text := range record {
				cells[i] = nil
				if text == "" {
					continue
				}
				if !utf8.ValidString(text) {
					return fmt.Errorf("line %d, column %s: the text is not UTF-8", line, r.columns[i])
				}
				cells[i] = &record[i]
			}
			if err := row(line, cells); err != nil {
				return err
			}
		}
	})
}
