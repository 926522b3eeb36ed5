package cli

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tapline.dev/libs/nearest"
)

// filterNames are what --filter chooses imports by: the parameters of GET /v1/imports, which
// checks their values.
var filterNames = []string{
	"nickname", "status", "partner", "type", "frequency", "health", "condition", "datasource", "account", "owner", "label", "createdBy", "updatedBy",
	"lastRunState", "freshnessOver",
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
	value, err := filterValue(name, value)
	if err != nil {
		return err
	}
	f.values.Set(name, value)
	return nil
}

// filterWords are the values of filters that have a fixed set of them, as the API has them.
var filterWords = map[string][]string{
	"status":    {"Draft", "Ready", "Scheduled", "Running", "Paused", "Stopped"},
	"type":      {"profile", "event"},
	"frequency": {"repeatIntervals", "customSchedule", "manual"},
	"health":    {"green", "yellow", "red"},
	"condition": {"green", "yellow", "red", "neverRun", "firstRun", "noRows", "credentialsRefused", "held", "stale", "failed"},
}

// filterValue is a value as the API takes it: words in any case, and a day as its first
// instant in UTC.
func filterValue(name, value string) (string, error) {
	switch {
	case strings.HasSuffix(name, "After"), strings.HasSuffix(name, "Before"):
		if day, err := time.Parse(time.DateOnly, value); err == nil {
			return day.Format(time.RFC3339), nil
		}
		if _, err := time.Parse(time.RFC3339, value); err != nil {
			return "", fmt.Errorf("%s is a day such as 2026-11-01, or an instant such as 2026-11-01T09:00:00Z, not %q", name, value)
		}
	case name == "freshnessOver":
		age, err := time.ParseDuration(value)
		if err != nil || age < time.Second {
			return "", fmt.Errorf("freshnessOver is a time such as 90m or 24h, not %q", value)
		}
		return strconv.Itoa(int(age.Seconds())), nil
	case filterWords[name] != nil:
		words := strings.Split(value, ",")
		for i, word := range words {
			at := slices.IndexFunc(filterWords[name], func(known string) bool { return strings.EqualFold(known, word) })
			if at < 0 {
				return "", fmt.Errorf("%s is one of %s, not %q", name, strings.Join(filterWords[name], ", "), word)
			}
			words[i] = filterWords[name][at]
		}
		return strings.Join(words, ","), nil
	}
	return value, nil
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
	conditions := make([]string, len(filterNames))
	for i, name := range filterNames {
		conditions[i] = name + "="
	}
	completeWords(cmd, "filter", conditions)
	cmd.Flags().StringVar(&q.search, "search", "", "only those whose name, nickname, owner, datasource or label has this text")
	cmd.Flags().StringVar(&q.sort, "sort", "", "by this column, such as health or -lastRun for the newest first")
	cmd.Flags().IntVar(&q.limit, "limit", 0, "how many to show, 1 to 1000; all by default")
	cmd.Flags().StringVar(&q.token, "page-token", "", "nextPageToken of the previous page, with the same filters and order")
	checkFirst(cmd, func([]string) error {
		if cmd.Flags().Changed("limit") {
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
