package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"tapline.dev/cmd/tapline/internal/client"
	"tapline.dev/domain/definition"
	"tapline.dev/schemas"
)

// changeFlags are the flags of apply, plan and diff.
type changeFlags struct {
	files       []string
	values      string
	offline     bool
	prune       bool
	dropUnknown bool
	labels      labelSelector
	managedBy   string
	source      string
	generation  int
}

func (f *changeFlags) add(cmd *cobra.Command) {
	filesFlag(cmd, &f.files)
	flags := cmd.Flags()
	flags.StringVar(&f.values, "values", "", "a file with what ${vars.NAME} stands for; by default that of the context (tapline config set)")
	flags.BoolVar(&f.offline, "offline", false, "do not ask Snowflake whether the queries' columns fit")
	flags.BoolVar(&f.prune, "prune", false, "remove what has the labels of -l and is not in the files")
	flags.VarP(&f.labels, "selector", "l", "labels of what --prune may remove, such as team=growth")
	flags.BoolVar(&f.dropUnknown, "drop-unknown", false, "take out what a newer version of Import Center has written, and this one does not know")
	flags.StringVar(&f.managedBy, "managed-by", "", "git: the definitions come from Git, and are changed from there only")
	flags.StringVar(&f.source, "source", "", "with --managed-by: the URL of the repository")
	flags.IntVar(&f.generation, "generation", 0, "in place of files: this generation of the import that is named")
	cmd.Args = cobra.MaximumNArgs(1)
}

// check refuses flags that do not go together.
func (f *changeFlags) check(args []string) error {
	switch {
	case f.generation < 0 || f.generation == 0 && len(args) > 0:
		return errors.New("name an import together with --generation N; files are named with -f")
	case f.generation > 0 && (len(args) == 0 || len(f.files) > 0 || f.prune || f.managedBy != ""):
		return errors.New("--generation N goes with the name of one import, and without -f, --prune and --managed-by")
	case f.prune != (len(f.labels.conditions) > 0):
		return errors.New("--prune and -l go together: -l says by labels what may be removed")
	case (f.managedBy != "") != (f.source != ""):
		return errors.New("--managed-by git and --source URL go together")
	}
	for _, c := range f.labels.conditions {
		if c.is != labelIs {
			return errors.New("what --prune may remove is selected by labels such as team=growth, joined by commas")
		}
	}
	return nil
}

// prepared is a change set with the files that it was read from.
type prepared struct {
	set    definition.Set
	sent   []document
	change client.ChangeSet
	values map[string]string // that were used
}

// readValues reads the values file of the flag or of the chosen context.
func (a *app) readValues(path string) (*definition.Values, error) {
	if path == "" {
		path = a.chosen.Values
	}
	if path == "" {
		return definition.NoValues(), nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, readError(err)
	}
	values, problems := definition.ReadValues(path, data)
	if len(problems) > 0 {
		return nil, refused(problems)
	}
	return values, nil
}

// prepare reads what is to be changed.
func (a *app) prepare(ctx context.Context, c *client.Client, f *changeFlags, sources []definition.Source, args []string) (prepared, error) {
	if f.generation > 0 {
		return generationOf(ctx, c, args[0], f)
	}
	values, err := a.readValues(f.values)
	if err != nil {
		return prepared{}, err
	}
	p, problems, err := readSet(ctx, c, sources, values)
	if err != nil {
		return p, err
	}
	p.change.Offline, p.change.DropUnknown = f.offline, f.dropUnknown
	if f.managedBy != "" {
		p.change.ManagedBy = &schemas.ManagedBy{Tool: f.managedBy, Source: f.source}
	}
	for _, condition := range f.labels.conditions {
		if p.change.Prune == nil {
			p.change.Prune = map[string]string{}
		}
		p.change.Prune[condition.key] = condition.value
	}
	if len(problems) > 0 {
		if !f.offline && len(p.change.Documents) > 0 {
			// The files are refused in any case. The server is asked as well for
			// problems that only the query's columns show; an error of that request
			// would add nothing.
			if refusal, ok := errors.AsType[*client.Problem](c.Check(ctx, p.change.Documents)); ok {
				problems = append(problems, inSources(refusal, &p.set, p.sent)...)
			}
		}
		return p, refused(problems)
	}
	return p, nil
}

// readSet reads definitions as far as that goes without asking about their queries.
func readSet(ctx context.Context, c *client.Client, sources []definition.Source, values *definition.Values) (p prepared, problems []definition.Problem, err error) {
	defaults, err := c.Resources(ctx, "defaults")
	if err != nil {
		return p, nil, err
	}
	p.set, problems = definition.ParseAll(sources, definition.Options{Defaults: defaults.Items, Values: values})
	problems = append(problems, values.Unused()...)
	if p.sent, err = documents(&p.set); err != nil {
		return p, nil, err
	}
	p.change.Documents = make([]json.RawMessage, len(p.sent))
	for i, d := range p.sent {
		p.change.Documents[i] = d.raw
	}
	p.values = values.Used()
	return p, problems, nil
}

// generationOf is a change back to an earlier generation.
func generationOf(ctx context.Context, c *client.Client, importName string, f *changeFlags) (p prepared, err error) {
	g, err := c.Generation(ctx, importName, f.generation)
	if err != nil {
		return p, err
	}
	if g.Definition == nil {
		return p, fmt.Errorf("generation %d of %s is its deletion, which holds no definition; name another one of tapline history %s", f.generation, importName, importName)
	}
	p.set.Imports = []schemas.Definition{*g.Definition}
	if p.sent, err = documents(&p.set); err != nil {
		return p, err
	}
	p.change = client.ChangeSet{Documents: []json.RawMessage{p.sent[0].raw}, Offline: f.offline, DropUnknown: f.dropUnknown}
	return p, nil
}

// inFiles gives the problems of a refusal the file and line that the user wrote.
func (p *prepared) inFiles(err error) error { return inFiles(err, &p.set, p.sent) }

// names are the values that were used, in order.
func (p *prepared) names() []string { return slices.Sorted(maps.Keys(p.values)) }
