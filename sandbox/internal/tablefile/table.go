package tablefile

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Column is a column of a file and the type that its values have.
type Column struct {
	Name string
	Type string // as CREATE TABLE spells it
}

// Rows reads a file row by row. It may be read several times.
type Rows interface {
	// Columns are the names in their order.
	Columns() []string
	// Each calls row with the cells of each row, nil for NULL, and the number of its line.
	Each(row func(line int, cells []*string) error) error
}

// Handles reports whether the package reads files of this name.
func Handles(file string) bool { return kindOf(file) != "" }

func kindOf(file string) string {
	switch filepath.Ext(strings.TrimSuffix(strings.ToLower(file), ".gz")) {
	case ".csv", ".txt":
		return "csv"
	case ".tsv":
		return "tsv"
	case ".json", ".ndjson", ".jsonl":
		return "json"
	}
	return ""
}

// Open reads the head of a file.
func Open(file string) (Rows, error) {
	switch kindOf(file) {
	case "csv":
		return openCSV(file, 0)
	case "tsv":
		return openCSV(file, '\t')
	case "json":
		return openJSON(file)
	}
	return nil, fmt.Errorf("%s: the file must be .csv, .tsv or .ndjson", filepath.Base(file))
}

// errEmpty is a file without anything in it.
var errEmpty = errors.New("the file is empty")

// withFile calls read with the unpacked content.
func withFile(file string, read func(*bufio.Reader) error) (err error) {
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("opening file: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	var in io.Reader = f
	if strings.HasSuffix(strings.ToLower(file), ".gz") {
		z, err := gzip.NewReader(f)
		if err != nil {
			return fmt.Errorf("unpacking file: %w", err)
		}
		in = z
	}
	buffered := bufio.NewReaderSize(in, 1<<20)
	if mark, err := buffered.Peek(3); err == nil && string(mark) == "\xef\xbb\xbf" {
		if _, err := buffered.Discard(3); err != nil {
			return fmt.Errorf("reading file: %w", err)
		}
	}
	return read(buffered)
}

// Describe finds the type of each column that holds all of its values exactly, and counts
// the rows.
func Describe(rows Rows) (columns []Column, count int64, err error) {
	names := rows.Columns()
	found := make([]kinds, len(names))
	err = rows.Each(func(_ int, cells []*string) error {
		count++
		for i, cell := range cells {
			if cell != nil {
				found[i].see(*cell, isJSON(rows))
			}
		}
		return nil
	})
	for i, name := range names {
		columns = append(columns, Column{name, found[i].typ()})
	}
	return columns, count, err
}

func isJSON(rows Rows) bool { _, ok := rows.(*jsonRows); return ok }
