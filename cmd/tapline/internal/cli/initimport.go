package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"tapline.dev/cmd/tapline/internal/client"
	"tapline.dev/cmd/tapline/internal/scaffold"
	"tapline.dev/domain/definition"
	"tapline.dev/domain/suggest"
	"tapline.dev/schemas"
)

// initImport writes an import whose mapping is suggested from what Snowflake describes.
func (a *app) initImport(ctx context.Context, c *client.Client, f *initFlags) (made initiated, err error) {
	spec := schemas.ImportSpec{
		Timezone: f.zone, Source: schemas.Source{ConnectionRef: f.connection},
		Destination: schemas.Destination{AccountRef: f.account, Type: f.kind},
	}
	base := strings.TrimSuffix(filepath.Base(f.queryFile), filepath.Ext(f.queryFile))
	if f.table != "" {
		table, err := scaffold.ParseName(strings.TrimPrefix(f.table, "view:"), 3)
		if err != nil {
			return made, err
		}
		base, spec.Source.Table = table[len(table)-1], table.Setting()
	}
	name := cmp.Or(f.name, importName(base))
	if f.kind == schemas.TypeEvent {
		spec.Destination.Event = &schemas.EventSpec{Name: cmp.Or(f.event, base)}
	}
	if f.cursor != "" {
		spec.Source.Cursor = &schemas.Cursor{Column: f.cursor}
	}
	path := filepath.Join(f.out, name+".yaml")
	if _, err := os.Stat(path); err == nil {
		return made, fmt.Errorf("%s is there already; choose another --name or --dir", path)
	}
	columns, err := describe(ctx, c, name, spec, f.queryFile)
	if err != nil {
		return made, err
	}
	if f.queryFile != "" {
		if spec.Source.QueryFile, err = relativeQuery(f.out, f.queryFile); err != nil {
			return made, err
		}
	}
	suggested, err := suggest.Make(spec, f.identity, columns, nil)
	if err != nil {
		return made, err
	}
	text := scaffold.Import{Name: name, Suggestion: suggested}.File()
	if err := valid(path, text); err != nil {
		return made, err
	}
	if err := writeNew(path, text); err != nil {
		return made, err
	}
	return initiated{Files: []string{path}, Next: []string{
		"read " + path + ": its comments say why each line was chosen, and which are guesses", "tapline preview -f " + path, "tapline apply -f " + path, "tapline dryrun " + name, "tapline run " + name + " --wait",
	}}, nil
}

// describe has Snowflake say the columns, with the first row: the mapping that is sent
// along is not compared with anything.
func describe(ctx context.Context, c *client.Client, name string, spec schemas.ImportSpec, queryFile string) ([]schemas.Column, error) {
	if queryFile != "" {
		text, err := os.ReadFile(queryFile)
		if err != nil {
			return nil, readError(err)
		}
		spec.Source.Query = string(text)
	}
	spec.Source.Cursor = nil
	spec.Identity.Column, spec.Mapping = "UNKNOWN", []schemas.Property{{From: "UNKNOWN", To: "unknown"}}
	sent, err := documents(&definition.Set{Imports: []schemas.Definition{{Metadata: schemas.Metadata{Name: name}, Spec: spec}}})
	if err != nil {
		return nil, err
	}
	shown, err := c.Preview(ctx, client.PreviewQuery{Documents: rawOf(sent), Rows: 1})
	if err != nil {
		return nil, err
	}
	columns := make([]schemas.Column, len(shown.Columns))
	for i, col := range shown.Columns {
		columns[i] = col.Column
	}
	return columns, nil
}

func rawOf(sent []document) []json.RawMessage {
	raw := make([]json.RawMessage, len(sent))
	for i, d := range sent {
		raw[i] = d.raw
	}
	return raw
}

// relativeQuery is the query's file as the definition beside it names it.
func relativeQuery(dir, queryFile string) (string, error) {
	from, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	to, err := filepath.Abs(queryFile)
	if err != nil {
		return "", err
	}
	return filepath.Rel(from, to)
}

var notInNames = regexp.MustCompile(`[^a-z0-9]+`)

// importName makes a table's name one of an import.
func importName(table string) string {
	name := strings.Trim(notInNames.ReplaceAllString(strings.ToLower(table), "-"), "-")
	return strings.Trim(cmp.Or(name, "import")[:min(len(cmp.Or(name, "import")), 40)], "-")
}
