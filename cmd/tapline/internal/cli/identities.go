package cli

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"tapline.dev/cmd/tapline/internal/client"
)

// maxBatchBytes bounds the identities of one request, far below what a body may have.
const maxBatchBytes = 2 << 20

// maxLine bounds a line of a file of identities. An identity has 1,024 characters at
// most.
const maxLine = 64 << 10

// identities reads identities as a stream: a file may hold millions.
type identities struct {
	take  func() (string, error) // io.EOF at the end
	close func()
	read  int // so far
}

// openIdentities reads from the arguments, a file or standard input.
func openIdentities(stdin io.Reader, f suppressFlags, args []string) (*identities, error) {
	switch {
	case len(args) > 0 && f.file != "":
		return nil, errors.New("give identities as arguments or with --file, not both")
	case len(args) > 0:
		return &identities{close: func() {}, take: func() (string, error) {
			if len(args) == 0 {
				return "", io.EOF
			}
			first := args[0]
			args = args[1:]
			return first, nil
		}}, nil
	}
	in, closing := stdin, func() {}
	if f.file != "" && f.file != "-" {
		file, err := os.Open(f.file)
		if err != nil {
			return nil, fmt.Errorf("reading identities: %w", err)
		}
		in, closing = file, func() { _ = file.Close() }
	}
	take := lines(in)
	if f.column != "" {
		var err error
		if take, err = csvColumn(in, f.column); err != nil {
			closing()
			return nil, err
		}
	}
	return &identities{take: take, close: closing}, nil
}

func lines(in io.Reader) func() (string, error) {
	scanner := bufio.NewScanner(in)
	scanner.Buffer(make([]byte, 4096), maxLine)
	line := 0
	return func() (string, error) {
		line++
		if scanner.Scan() {
			return scanner.Text(), nil
		}
		if err := scanner.Err(); err != nil {
			return "", fmt.Errorf("reading line %d of the identities: %w", line, err)
		}
		return "", io.EOF
	}
}

func csvColumn(in io.Reader, column string) (func() (string, error), error) {
	reader := csv.NewReader(in)
	reader.ReuseRecord, reader.FieldsPerRecord = true, -1
	head, err := reader.Read()
	if err != nil {
		return nil, fmt.Errorf("reading the header of the CSV file: %w", err)
	}
	head[0] = strings.TrimPrefix(head[0], "\ufeff") // spreadsheets write one
	at := slices.Index(head, column)
	if at < 0 {
		return nil, fmt.Errorf("the CSV file has no column %s; it has %s", column, strings.Join(head, ", "))
	}
	return func() (string, error) {
		record, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return "", io.EOF
		}
		if err != nil {
			return "", fmt.Errorf("reading the CSV file: %w", err)
		}
		if at >= len(record) {
			line, _ := reader.FieldPos(0)
			return "", fmt.Errorf("line %d of the CSV file has no column %s", line, column)
		}
		return strings.Clone(record[at]), nil
	}, nil
}

// next is the next batch, empty at the end. Blank lines are left out.
func (i *identities) next() (batch []string, err error) {
	for size := 0; len(batch) < client.MaxSuppressions/2 && size < maxBatchBytes; {
		identity, err := i.take()
		if errors.Is(err, io.EOF) {
			return batch, nil
		}
		if err != nil {
			return nil, err
		}
		if identity = strings.TrimSpace(identity); identity == "" {
			continue
		}
		i.read++
		size += len(identity)
		batch = append(batch, identity)
	}
	return batch, nil
}

// any is an error if there was no identity at all.
func (i *identities) any() error {
	if i.read == 0 {
		return errors.New("there is no identity; give some as arguments, with --file or on standard input")
	}
	return nil
}
