// Command loader measures the loader against the sandbox CleverTap at several
// latencies, beside a plain loader of a hundred lines (ordinary net/http, 15
// workers) on the same records. Kafka and the sandbox live in this process, each
// loader in one of its own, so that its CPU can be told apart.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"text/tabwriter"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) error {
	var (
		rows      = flag.Int("rows", 500_000, "records of a measurement")
		latencies = flag.String("latencies", "0s,50ms,200ms", "latencies of the sandbox")
		binary    = flag.String("loader", "bin/loader", "the loader program")
		plain     = flag.String("plain", "", "used by the program itself: run the plain loader against this world")
	)
	flag.Parse()
	if *plain != "" {
		return runPlain(ctx, *plain)
	}
	if *rows%perUpload != 0 {
		return fmt.Errorf("--rows must be a multiple of %d: the plain loader sends full uploads only", perUpload)
	}
	if _, err := os.Stat(*binary); err != nil {
		return fmt.Errorf("no loader program at %s: run make build first", *binary)
	}
	w, err := newWorld(ctx, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer w.close()
	table := tabwriter.NewWriter(out, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "latency\tloader\trows/s\tslot use\tCPU s/million\tmost in flight\tconnections\t")
	for _, text := range strings.Split(*latencies, ",") {
		latency, err := time.ParseDuration(text)
		if err != nil {
			return fmt.Errorf("--latencies: %w", err)
		}
		for _, subject := range []string{"tapline", "plain"} {
			r, err := w.measure(ctx, subject, *binary, *rows, latency)
			if err != nil {
				return fmt.Errorf("%s at %v: %w", subject, latency, err)
			}
			fmt.Fprintf(table, "%v\t%s\t%.0f\t%.1f%%\t%.2f\t%d\t%d\t\n", latency, subject,
				float64(*rows)/r.took.Seconds(), 100*r.slotUse(latency), r.cpu.Seconds()*1e6/float64(*rows), r.stats.MaxInFlight, r.stats.Connections)
		}
	}
	return table.Flush()
}

var errEnded = errors.New("the loader ended by itself")
