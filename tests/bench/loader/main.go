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
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
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
	if _, err := os.Stat(*binary); err != nil {
		return fmt.Errorf("no loader program at %s: run make build first", *binary)
	}
	w, err := newWorld(ctx, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer w.close()
	fmt.Printf("%-8s %-8s %10s %10s %14s %10s %12s\n", "latency", "loader", "rows/s", "slot use", "CPU s/million", "in flight", "connections")
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
			fmt.Printf("%-8v %-8s %10.0f %9.1f%% %14.2f %10d %12d\n", latency, subject,
				float64(*rows)/r.took.Seconds(), 100*r.slotUse(latency), r.cpu.Seconds()*1e6/float64(*rows), r.stats.MaxInFlight, r.stats.Connections)
		}
	}
	return nil
}

var errEnded = errors.New("the loader ended by itself")
