//go:build cgo

package demo

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"tapline.dev/schemas"
)

// table prints a line for each run, then where to look next.
func (d *Demo) table(context.Context) error {
	d.step("5. what happened to each row")
	w := tabwriter.NewWriter(d.out, 0, 0, 2, ' ', 0)
	head := []string{"RUN", "STATE", "MODE", "READ", "UNCHANGED", "EXTRACTED", "MAPPED", "REJECTED", "LOADED", "ROWS/S", "TOOK"}
	if _, err := fmt.Fprintln(w, strings.Join(head, "\t")); err != nil {
		return fmt.Errorf("writing the table: %w", err)
	}
	for _, r := range d.runs {
		took := duration(r)
		_, err := fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%.0f\t%s\n", r.Run, r.State, r.Mode,
			r.Counts.Read, r.Counts.Unchanged, r.Counts.Extracted, r.Counts.Mapped, r.Counts.Rejected(), r.Counts.Loaded,
			float64(r.Counts.Read)/max(took.Seconds(), 0.001), took.Round(10*time.Millisecond))
		if err != nil {
			return fmt.Errorf("writing the table: %w", err)
		}
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("writing the table: %w", err)
	}
	for _, r := range d.runs {
		if err := d.rejectLine(r); err != nil {
			return err
		}
	}
	return d.next()
}

func (d *Demo) rejectLine(r schemas.Run) error {
	if len(r.RejectsByCode) == 0 {
		return nil
	}
	var parts []string
	for _, code := range slices.Sorted(maps.Keys(r.RejectsByCode)) {
		parts = append(parts, fmt.Sprintf("%s %d", code, r.RejectsByCode[code]))
	}
	if _, err := fmt.Fprintf(d.out, "\nrejected by %s: %s\n", r.Run, strings.Join(parts, ", ")); err != nil {
		return fmt.Errorf("writing the rejects: %w", err)
	}
	return nil
}

// next says where to look while the demo runs.
func (d *Demo) next() error {
	e := d.dev.Endpoints()
	lines := []string{
		"where to look next, while it runs (make dev keeps it running):",
		"  " + e.ImportCenter + "/   the page, in a browser",
		"  bin/tapline get runs                                        the runs, again",
		"  bin/tapline get rejects --run customers.1                   rejected rows and why",
		"  curl " + e.CleverTap.URL + "/sandbox/v1/profiles/42   what CleverTap holds of customer 42",
		"  kcat -b " + e.Kafka + " -t tapline.records.customers.v1 -C -e   what was sent, byte for byte",
		"  redis-cli -u redis://" + e.Redis + " HGETALL tapline:run:customers.1   the projection",
		"  docs/life-of-a-row.md                                       the way of a row through the code",
		"and afterwards: " + d.cfg.Dev.Data + "/tapline.log",
	}
	if _, err := fmt.Fprintln(d.out, "\n"+strings.Join(lines, "\n")); err != nil {
		return fmt.Errorf("writing where to look next: %w", err)
	}
	return nil
}

func duration(r schemas.Run) time.Duration {
	if r.FinishedAt == nil {
		return 0
	}
	return r.FinishedAt.Sub(r.StartedAt)
}

// tail is the end of a statement, from its last WHERE on, on one line.
func tail(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if at := strings.LastIndex(strings.ToUpper(text), "WHERE "); at >= 0 {
		return text[at:]
	}
	return text
}
