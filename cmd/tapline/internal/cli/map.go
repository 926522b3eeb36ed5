package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tapline.dev/domain/definition"
	"tapline.dev/domain/mapping"
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
	columns, err := readColumns(f.columns)
	if err != nil {
		return nil, err
	}
	set, problems := definition.ParseAll(sources, definition.Options{})
	set.SettleExpressions(nil)
	d, err := f.choose(set.Imports)
	if err != nil && len(problems) == 0 {
		return nil, err
	}
	var m *mapping.Mapping
	if err == nil {
		var found []mapping.Problem
		m, found = mapping.Compile(d.Spec, columns, accountOptions(&set, d.Spec.Destination.AccountRef))
		problems = append(problems, located(&set, d.Metadata.Name, found)...)
	}
	if len(problems) > 0 {
		return nil, refused(problems)
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

// mapRows writes a line for each row and says what to look at.
func (a *app) mapRows(ctx context.Context, m *mapping.Mapping, f mapFlags) error {
	in, closeIn, err := a.openRows(f.rows)
	if err != nil {
		return err
	}
	defer closeIn()
	counts, err := m.MapLines(a.io.Out, interruptible{ctx, in}, f.now)
	if err != nil {
		return err
	}
	if counts.Rows > 0 && len(counts.Unseen) > 0 {
		a.say("no row has the columns %s; are they spelt as in Snowflake?", strings.Join(counts.Unseen, ", "))
	}
	if counts.Rejected > 0 {
		return exit(ExitRejects, fmt.Errorf("%d of %d rows were rejected", counts.Rejected, counts.Rows))
	}
	return nil
}

// interruptible is a reader that ends with its context.
type interruptible struct {
	ctx context.Context //nolint:containedctx // it lives as long as one command
	in  io.Reader
}

func (r interruptible) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.in.Read(p)
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
