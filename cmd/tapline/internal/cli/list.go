package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tapline.dev/cmd/tapline/internal/client"
	"tapline.dev/domain/definition"
	"tapline.dev/libs/backoff"
	"tapline.dev/libs/nearest"
)

// watchEvery is how often -w asks.
const watchEvery = time.Second

// column is a column of a table; a wide one is shown by -o wide only. The value of one that
// moves changes as time passes, which -w does not count as a change.
type column[T any] struct {
	head         string
	wide, moving bool
	cell         func(T) string
}

// view is how things of one kind are fetched and shown.
type view[T any] struct {
	columns []column[T]
	name    func(T) string
	fetch   func(ctx context.Context) (client.List[T], error)
	// newestFirst is of a list to which -w adds at the end, as to a log.
	newestFirst bool
	// document is a thing as apply takes it, for -o yaml; nil shows it as the API does.
	document func(ctx context.Context, item T) ([]byte, error)
}

func (v view[T]) head(wide bool) (head []string) {
	for _, c := range v.columns {
		if wide || !c.wide {
			head = append(head, c.head)
		}
	}
	return head
}

func (v view[T]) row(item T, wide bool) (row []string) {
	for _, c := range v.columns {
		if wide || !c.wide {
			row = append(row, c.cell(item))
		}
	}
	return row
}

// still is what of a thing -w compares: what is shown of it.
func (v view[T]) still(item T, wide bool) string {
	var text strings.Builder
	for _, c := range v.columns {
		if !c.moving && (wide || !c.wide) {
			text.WriteString(c.cell(item) + "\x00")
		}
	}
	return text.String()
}

// showList prints what a view fetches: the things that are named, or all without names.
// With watch it then prints each change.
func showList[T any](ctx context.Context, a *app, v view[T], names []string, watch bool) error {
	list, err := v.fetch(ctx)
	if err != nil {
		return err
	}
	if list.Items, err = chosen(v, list.Items, names); err != nil {
		return err
	}
	if watch {
		return watchList(ctx, a, v, list, names)
	}
	switch a.output {
	case "json":
		return a.printJSON(list)
	case "yaml":
		return printDocuments(ctx, a, v, list)
	case "name":
		err = printNames(a.io.Out, list.Items, v.name)
	default:
		wide := a.output == "wide"
		rows := make([][]string, len(list.Items))
		for i, item := range list.Items {
			rows[i] = v.row(item, wide)
		}
		err = printTable(a.io.Out, v.head(wide), rows)
	}
	if err == nil && list.NextPageToken != "" {
		a.say("there are more: --page-token %s", list.NextPageToken)
	}
	return err
}

// chosen are the items with the names, in the order of the names; all without names.
func chosen[T any](v view[T], items []T, names []string) ([]T, error) {
	if len(names) == 0 {
		return items, nil
	}
	known := func(yield func(string) bool) {
		for _, item := range items {
			if !yield(v.name(item)) {
				return
			}
		}
	}
	var out []T
	for _, name := range names {
		at := slices.IndexFunc(items, func(item T) bool { return v.name(item) == name })
		if at < 0 {
			return nil, fmt.Errorf("there is none named %s%s", name, nearest.Question(name, known))
		}
		out = append(out, items[at])
	}
	return out, nil
}

func printDocuments[T any](ctx context.Context, a *app, v view[T], list client.List[T]) error {
	if v.document == nil {
		return a.printYAML(list)
	}
	for i, item := range list.Items {
		text, err := v.document(ctx, item)
		if err != nil {
			return err
		}
		if i > 0 {
			text = append([]byte("---\n"), text...)
		}
		if _, err := a.io.Out.Write(text); err != nil {
			return err
		}
	}
	return nil
}

// printYAML writes what the API answered as YAML.
func (a *app) printYAML(value any) error {
	raw, err := json.Marshal(value)
	if err != nil {
		return err
	}
	text, err := definition.JSONToYAML(raw)
	if err != nil {
		return err
	}
	_, err = a.io.Out.Write(text)
	return err
}

// definitionYAML is a definition as apply takes it.
func definitionYAML(ctx context.Context, c *client.Client, plural, name string) ([]byte, error) {
	raw, _, err := c.Document(ctx, plural, name)
	if err != nil {
		return nil, err
	}
	return definition.YAML(raw)
}

// watchList prints the list, and then each thing whose row changes, until it is
// interrupted. A server that does not answer for a while is asked again.
func watchList[T any](ctx context.Context, a *app, v view[T], list client.List[T], names []string) error {
	w := watcher[T]{app: a, view: v, shown: map[string]string{}}
	for {
		if err := w.show(list.Items); err != nil {
			return err
		}
		for answered := false; !answered; {
			if backoff.Wait(ctx, watchEvery) != nil {
				return exit(ExitInterrupted, nil)
			}
			next, err := v.fetch(ctx)
			switch {
			case err == nil:
				answered = true
				if w.silent {
					a.say("Import Center answers again")
				}
				w.silent = false
				// A thing that is gone is no longer shown; the others are.
				next.Items = slices.DeleteFunc(next.Items, func(item T) bool { return len(names) > 0 && !slices.Contains(names, v.name(item)) })
				list = next
			case ctx.Err() != nil:
				return exit(ExitInterrupted, nil)
			case !client.MayPass(err):
				return err
			case !w.silent:
				w.silent = true
				a.say("%v; asking again until it answers", err)
			}
		}
	}
}

// watcher remembers what was shown.
type watcher[T any] struct {
	app    *app
	view   view[T]
	shown  map[string]string
	widths []int
	silent bool
}

// show prints the items that are new or have changed.
func (w *watcher[T]) show(items []T) error {
	wide := w.app.output == "wide"
	var changed []T
	for _, item := range items {
		key := w.view.still(item, wide)
		if w.app.output == "json" {
			raw, err := json.Marshal(item)
			if err != nil {
				return err
			}
			key = string(raw)
		}
		if name := w.view.name(item); w.shown[name] != key {
			w.shown[name] = key
			changed = append(changed, item)
		}
	}
	if w.view.newestFirst {
		slices.Reverse(changed)
	}
	switch w.app.output {
	case "json":
		var failed []error
		for _, item := range changed {
			failed = append(failed, w.app.printLine(item))
		}
		return errors.Join(failed...)
	case "name":
		return printNames(w.app.io.Out, changed, w.view.name)
	}
	var rows [][]string
	if w.widths == nil {
		rows = append(rows, w.view.head(wide))
	}
	for _, item := range changed {
		rows = append(rows, w.view.row(item, wide))
	}
	var err error
	w.widths, err = printRows(w.app.io.Out, w.widths, rows)
	return err
}
