package tablefile

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

type jsonRows struct {
	file    string
	columns []string
	index   map[string]int // by the key as it is written
}

// openJSON collects the keys of all rows, in the order in which they come.
func openJSON(file string) (*jsonRows, error) {
	r := &jsonRows{file: file, index: map[string]int{}}
	spelt := map[string]string{}
	lines := 0
	err := r.lines(func(line int, members []member) error {
		lines++
		for _, m := range members {
			if _, known := r.index[m.key]; known {
				continue
			}
			folded := strings.ToUpper(m.key)
			if other, ok := spelt[folded]; ok {
				return fmt.Errorf("line %d: the keys %q and %q would be one column", line, other, m.key)
			}
			if m.key == "" {
				return fmt.Errorf("line %d: a key is empty", line)
			}
			spelt[folded] = m.key
			r.index[m.key] = len(r.columns)
			r.columns = append(r.columns, folded)
		}
		return nil
	})
	if err == nil && lines == 0 {
		err = errEmpty
	}
	return r, err
}

type member struct {
	key   string
	value json.RawMessage
}

// lines reads each line as an object, its members in their order.
func (r *jsonRows) lines(row func(line int, members []member) error) error {
	return withFile(r.file, func(in *bufio.Reader) error {
		for line := 1; ; line++ {
			text, err := in.ReadBytes('\n')
			if err != nil && !errors.Is(err, io.EOF) {
				return fmt.Errorf("reading file: %w", err)
			}
			if trimmed := bytes.TrimSpace(text); len(trimmed) > 0 {
				members, bad := object(trimmed)
				if bad != nil {
					return fmt.Errorf("line %d: %w", line, bad)
				}
				if bad := row(line, members); bad != nil {
					return bad
				}
			}
			if err != nil {
				return nil //nolint:nilerr // the end of the file
			}
		}
	})
}

func object(text []byte) ([]member, error) {
	if !utf8.Valid(text) {
		return nil, errors.New("the text is not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	token, err := d.Token()
	if err != nil {
		return nil, fmt.Errorf("not JSON: %w", err)
	}
	if token != json.Delim('{') {
		return nil, errors.New("not an object: each line must be one JSON object")
	}
	var out []member
	seen := map[string]bool{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, fmt.Errorf("not JSON: %w", err)
		}
		key, _ := token.(string) // a key is a string
		if seen[key] {
			return nil, fmt.Errorf("the key %q comes twice", key)
		}
		seen[key] = true
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, fmt.Errorf("not JSON: %w", err)
		}
		out = append(out, member{key, value})
	}
	if _, err := d.Token(); err != nil {
		return nil, fmt.Errorf("not JSON: %w", err)
	}
	if d.More() {
		return nil, errors.New("more than one object: each line must be one JSON object")
	}
	return out, nil
}

func (r *jsonRows) Columns() []string { return r.columns }

// Each gives the JSON text of each value; null and a missing key are NULL.
func (r *jsonRows) Each(row func(int, []*string) error) error {
	cells := make([]*string, len(r.columns))
	return r.lines(func(line int, members []member) error {
		clear(cells)
		for _, m := range members {
			if text := string(m.value); text != "null" {
				cells[r.index[m.key]] = &text
			}
		}
		return row(line, cells)
	})
}

// Plain is a cell as a text: what is inside a JSON string, and other cells as they are
// written.
func Plain(rows Rows, cell string) string {
	if isJSON(rows) {
		return plain(cell)
	}
	return cell
}

func plain(cell string) string {
	var text string
	if strings.HasPrefix(cell, `"`) && json.Unmarshal([]byte(cell), &text) == nil {
		return text
	}
	return cell
}
