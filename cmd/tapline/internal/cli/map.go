package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"tapline.dev/libs/definition"
	"tapline.dev/libs/mapping"
	"tapline.dev/schemas"
)

type mapFlags struct {
	files      []string
	rows       string
	columns    string
	importName string
	now        int64
}

func (a *app) mapCommand() *cobra.Command {
	var f mapFlags
	cmd := &cobra.Command{
		Use:   "map -f FILE --rows ROWS.ndjson",
		Short: "Map rows on this machine and show the records or why there are none",
		Long: `Map rows, written as the rows topic carries them, with an import's mapping. No
server is asked. Each input line gives one output line, {"row":N,"record":{…}}
with the exact bytes for CleverTap, or {"row":N,"reject":{…}}.

Exit codes: 0 every row became a record, 3 some were rejected, 4 the definition
was refused.`,
		Args: cobra.NoArgs,
	}
	filesFlag(cmd, &f.files)
	cmd.Flags().StringVar(&f.rows, "rows", "", "a file with a row on each line; - reads standard input")
	cmd.Flags().StringVar(&f.columns, "columns", "", `a file with the query's columns: [{"name","type","precision","scale","nullable"}]`)
	cmd.Flags().StringVar(&f.importName, "import", "", "the import, where the files define several")
	cmd.Flags().Int64Var(&f.now, "now", 0, "the run's clock in seconds, for events without Created On; the present by default")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		m, err := f.compile()
		if err != nil {
			return err
		}
		if !cmd.Flags().Changed("now") {
			f.now = time.Now().Unix()
		}
		return a.mapRows(cmd.Context(), m, f)
	}
	return cmd
}

// compile finds the import in the files and compiles its mapping.
func (f mapFlags) compile() (*mapping.Mapping, error) {
	sources, err := readSources(f.files)
	if err != nil {
		return nil, err
	}
	set, problems := definition.ParseAll(sources, definition.Options{})
	if len(problems) > 0 {
		return nil, refused(problems)
	}
	d, err := f.choose(set.Imports)
	if err != nil {
		return nil, err
	}
	columns, err := readColumns(f.columns)
	if err != nil {
		return nil, err
	}
	m, found := mapping.Compile(d.Spec, columns, accountOptions(&set, d.Spec.Destination.AccountRef))
	if len(found) > 0 {
		return nil, refused(located(&set, d.Metadata.Name, found))
	}
	return m, nil
}

func (f mapFlags) choose(imports []schemas.Definition) (schemas.Definition, error) {
	if f.importName == "" {
		switch len(imports) {
		case 1:
			return imports[0], nil
		case 0:
			return schemas.Definition{}, errors.New("the files define no import")
		}
		return schemas.Definition{}, fmt.Errorf("the files define %d imports; choose one with --import", len(imports))
	}
	i := slices.IndexFunc(imports, func(d schemas.Definition) bool { return d.Metadata.Name == f.importName })
	if i < 0 {
		return schemas.Definition{}, fmt.Errorf("the files define no import named %s", f.importName)
	}
	return imports[i], nil
}

func readColumns(path string) ([]schemas.Column, error) {
	if path == "" {
		return nil, nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, readError(err)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	columns := []schemas.Column{}
	if err := dec.Decode(&columns); err != nil {
		return nil, fmt.Errorf(`%s is not a list of columns such as [{"name":"ID","type":"FIXED","precision":38,"scale":0,"nullable":false}]: %w`, path, err)
	}
	return columns, nil
}

// mapRows writes a line for each row. A mapped record goes out byte for byte.
func (a *app) mapRows(ctx context.Context, m *mapping.Mapping, f mapFlags) error {
	in, closeIn, err := a.openRows(f.rows)
	if err != nil {
		return err
	}
	defer closeIn()
	out := bufio.NewWriterSize(a.io.Out, 1<<16)
	reader := bufio.NewReaderSize(in, 1<<16)
	var line []byte
	rejected := 0
	for n := 1; ; n++ {
		row, readErr := reader.ReadBytes('\n')
		if readErr != nil && !errors.Is(readErr, io.EOF) {
			return fmt.Errorf("reading the rows: %w", readErr)
		}
		if len(bytes.TrimSpace(row)) == 0 && readErr != nil {
			break
		}
		var bad bool
		if line, bad, err = mapRow(line[:0], m, bytes.TrimRight(row, "\r\n"), n, f.now); err != nil {
			return err
		}
		if bad {
			rejected++
		}
		if _, err := out.Write(line); err != nil {
			return fmt.Errorf("writing the records: %w", err)
		}
		if readErr != nil {
			break
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("writing the records: %w", err)
	}
	if rejected > 0 {
		return exit(ExitRejects, fmt.Errorf("%d rows were rejected", rejected))
	}
	return nil
}

func mapRow(line []byte, m *mapping.Mapping, row []byte, n int, now int64) (out []byte, rejected bool, err error) {
	line = append(line, `{"row":`...)
	line = strconv.AppendInt(line, int64(n), 10)
	record, rejects := m.Map(append(line, `,"record":`...), row, now)
	if len(rejects) == 0 {
		return append(record, '}', '\n'), false, nil
	}
	r := rejects[0]
	reject, err := json.Marshal(struct {
		Code     string `json:"code"`
		Column   string `json:"column"`
		Property string `json:"property"`
		Reason   string `json:"reason"`
	}{r.Code, r.Column, r.Property, r.Reason})
	if err != nil {
		return nil, false, fmt.Errorf("encoding a reject: %w", err)
	}
	line = append(line, `,"reject":`...)
	line = append(line, reject...)
	return append(line, '}', '\n'), true, nil
}

func (a *app) openRows(path string) (io.Reader, func(), error) {
	switch path {
	case "":
		return nil, nil, errors.New("name the file with the rows: --rows ROWS.ndjson")
	case "-":
		return a.io.In, func() {}, nil
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, nil, readError(err)
	}
	return file, func() { _ = file.Close() }, nil // only read
}
