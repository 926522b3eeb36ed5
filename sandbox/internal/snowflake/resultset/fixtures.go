package resultset

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"tapline.dev/sandbox/internal/snowflake/sferr"
	"tapline.dev/sandbox/internal/snowflake/sftype"
)

//go:embed fixtures/*.json
var embedded embed.FS

// Fixture is a hand-made result with exactly these carriers and this metadata.
type Fixture struct {
	Columns []fixtureColumn     `json:"columns"`
	Rows    [][]json.RawMessage `json:"rows"`
	// InlineRows is the number of rows in the answer; the others are in chunks of
	// ChunkRows.
	InlineRows int `json:"inlineRows"`
	ChunkRows  int `json:"chunkRows"`
}

type fixtureColumn struct {
	Name      string `json:"name"`
	Type      string `json:"type"` // logicalType
	Precision int    `json:"precision"`
	Scale     int    `json:"scale"`
	Length    int    `json:"length"`
	Nullable  bool   `json:"nullable"`
	// Carrier is int8, int16, int32, int64, decimal128, float64, utf8, bool, date32,
	// binary, struct2 {epoch, fraction} or {epoch, timezone}, or struct3.
	Carrier string `json:"carrier"`
}

func (c fixtureColumn) column() sftype.Column {
	return sftype.Column{Name: c.Name, Nullable: c.Nullable, Type: sftype.Type{Logical: c.Type, Precision: c.Precision, Scale: c.Scale, Length: c.Length}}
}

// LoadFixtures reads the built-in fixtures and those of a directory, which may be empty.
func LoadFixtures(dir string) (map[string]Fixture, error) {
	out := map[string]Fixture{}
	if err := readFixtures(embedded, "fixtures", out); err != nil {
		return nil, err
	}
	if dir == "" {
		return out, nil
	}
	return out, readFixtures(os.DirFS(dir), ".", out)
}

func readFixtures(from fs.FS, dir string, out map[string]Fixture) error {
	entries, err := fs.ReadDir(from, dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), ".json")
		if !ok {
			continue
		}
		data, err := fs.ReadFile(from, path.Join(dir, e.Name()))
		if err != nil {
			return err
		}
		var f Fixture
		if err := json.Unmarshal(data, &f); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", e.Name(), err))
			continue
		}
		out[strings.ToLower(name)] = f
	}
	return errors.Join(errs...)
}

// Result builds the named columns of a fixture, all of them if names is nil.
func (f Fixture) Result(names []string, describe bool) (*Result, error) {
	f, err := f.project(names)
	if err != nil {
		return nil, err
	}
	r := &Result{Statement: Select, Arrow: true, Rows: [][]*string{}}
	for _, c := range f.Columns {
		r.Columns = append(r.Columns, c.column())
	}
	if describe {
		return r, nil
	}
	inline, step := f.InlineRows, f.ChunkRows
	if inline == 0 {
		inline = len(f.Rows)
	}
	if step == 0 {
		step = max(len(f.Rows), 1)
	}
	for start, want := 0, inline; start < len(f.Rows); start, want = start+want, step {
		end := min(start+want, len(f.Rows))
		arrays, err := f.arrays(f.Rows[start:end])
		if err != nil {
			return nil, fmt.Errorf("building fixture: %w", err)
		}
		if err := r.appendPart(arrays, end-start, start == 0); err != nil {
			return nil, err
		}
		r.Total += int64(end - start)
	}
	return r, nil
}

func (f Fixture) project(names []string) (Fixture, error) {
	if names == nil {
		return f, nil
	}
	out := f
	out.Columns, out.Rows = nil, make([][]json.RawMessage, len(f.Rows))
	for _, name := range names {
		found := false
		for i, c := range f.Columns {
			if c.Name != name {
				continue
			}
			found = true
			out.Columns = append(out.Columns, c)
			for k, row := range f.Rows {
				out.Rows[k] = append(out.Rows[k], row[i])
			}
		}
		if !found {
			return f, sferr.InvalidIdentifier(name)
		}
	}
	return out, nil
}
