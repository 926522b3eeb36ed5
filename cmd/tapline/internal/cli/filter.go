package cli

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"tapline.dev/libs/nearest"
)

// filterNames are what --filter chooses imports by: the parameters of GET /v1/imports, which
// checks their values.
var filterNames = []string{
	"status", "partner", "type", "frequency", "condition", "datasource", "account", "owner", "label", "createdBy", "updatedBy", "lastRunState",
	"createdAfter", "createdBefore", "updatedAfter", "updatedBefore", "lastRunAfter", "lastRunBefore", "nextRunAfter", "nextRunBefore",
}

// filterHelp are the names, in lines that fit a screen.
func filterHelp() string {
	var lines []string
	line := " "
	for i, name := range filterNames {
		if i < len(filterNames)-1 {
			name += ","
		}
		if len(line)+1+len(name) > helpWidth {
			lines, line = append(lines, line), " "
		}
		line += " " + name
	}
	return strings.Join(append(lines, line), "\n")
}

// helpWidth is what a line of a list in the help takes at most.
const helpWidth = 85

// importFilter is the value of --filter, which may be given again: all have to hold.
type importFilter struct{ values url.Values }

// Set reads a condition such as status=Paused,Stopped.
func (f *importFilter) Set(text string) error {
	name, value, ok := strings.Cut(text, "=")
	if !ok || value == "" {
		return fmt.Errorf("%q is not NAME=VALUE, such as status=Paused,Stopped", text)
	}
	if !slices.Contains(filterNames, name) {
		return fmt.Errorf("there is no filter %s%s; there are %s", name, nearest.Question(name, slices.Values(filterNames)), strings.Join(filterNames, ", "))
	}
	if f.values == nil {
		f.values = url.Values{}
	}
	if f.values.Has(name) {
		return fmt.Errorf("%s is given twice; several values are divided by commas", name)
	}
	f.values.Set(name, value)
	return nil
}

// String is what was given.
func (f *importFilter) String() string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(f.values)) {
		parts = append(parts, name+"="+f.values.Get(name))
	}
	return strings.Join(parts, " ")
}

// Type is what --help calls the value.
func (f *importFilter) Type() string { return "name=value" }

// importsQuery is what get imports asks for.
type importsQuery struct {
	filter       importFilter
	search, sort string
	limit        int
	token        string
}

func (q *importsQuery) flags(cmd *cobra.Command) {
	cmd.Flags().Var(&q.filter, "filter", "only those with this, such as status=Paused,Stopped; may be given again")
	cmd.Flags().StringVar(&q.search, "search", "", "only those whose name, nickname, owner, datasource or label has this text")
	cmd.Flags().StringVar(&q.sort, "sort", "", "by this column, such as health or -lastRun for the newest first")
	cmd.Flags().IntVar(&q.limit, "limit", 0, "how many to show, 1 to 1000; all by default")
	cmd.Flags().StringVar(&q.token, "page-token", "", "nextPageToken of the previous page, with the same filters and order")
	checkFirst(cmd, func([]string) error {
		if q.limit != 0 {
			return checkLimit(q.limit)
		}
		return nil
	})
}

func (q *importsQuery) values() url.Values {
	out := maps.Clone(q.filter.values)
	if out == nil {
		out = url.Values{}
	}
	for name, value := range map[string]string{"q": q.search, "sort": q.sort, "pageToken": q.token} {
		if value != "" {
			out.Set(name, value)
		}
	}
	if q.limit > 0 {
		out.Set("pageSize", strconv.Itoa(q.limit))
	}
	return out
}
