package snowflake

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
)

//go:embed fixtures/*.json
var embedded embed.FS

// fixture is a hand-made result: exactly these carriers with exactly this metadata.
type fixture struct {
	Columns []fixtureColumn     `json:"columns"`
	Rows    [][]json.RawMessage `json:"rows"`
	// InlineRows go with the answer, the others in chunks of ChunkRows.
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

func (c fixtureColumn) column() column {
	return column{Name: c.Name, Nullable: c.Nullable, Type: colType{Logical: c.Type, Precision: c.Precision, Scale: c.Scale, Length: c.Length}}
}

func loadFixtures(dir string) (map[string]fixture, error) {
	out := map[string]fixture{}
	if err := readFixtures(embedded, "fixtures", out); err != nil {
		return nil, err
	}
	if dir == "" {
		return out, nil
	}
	return out, readFixtures(os.DirFS(dir), ".", out)
}

func readFixtures(from fs.FS, dir string, out map[string]fixture) error {
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
		var f fixture
		if err := json.Unmarshal(data, &f); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", e.Name(), err))
			continue
		}
		out[strings.ToLower(name)] = f
	}
	return errors.Join(errs...)
}

// result builds the named columns of a fixture, all of them if names is nil.
func (f fixture) result(names []string, describe bool) (*result, error) {
	f, err := f.project(names)
	if err != nil {
		return nil, err
	}
	r := &result{statement: typeSelect, arrow: true, rows: [][]*string{}}
	for _, c := range f.Columns {
		r.columns = append(r.columns, c.column())
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
		r.total += int64(end - start)
	}
	return r, nil
}

func (f fixture) project(names []string) (fixture, error) {
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
			return f, invalidIdentifier(name)
		}
	}
	return out, nil
}
