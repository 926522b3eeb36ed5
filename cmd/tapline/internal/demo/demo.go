//go:build cgo

package demo

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"

	"tapline.dev/cmd/tapline/internal/client"
	"tapline.dev/cmd/tapline/internal/dev"
	"tapline.dev/cmd/tapline/internal/progress"
	"tapline.dev/sandbox/demotables"
	"tapline.dev/schemas"
)

// Config holds the values of the flags.
type Config struct {
	Dev    dev.Config
	Tables demotables.Tables
	// Keep keeps everything running after the comparison.
	Keep bool
}

// Demo is one demonstration.
type Demo struct {
	cfg    Config
	out    io.Writer // results
	err    io.Writer // messages and progress
	apply  Apply
	dev    *dev.Dev
	client *client.Client
	conn   *sql.Conn
	runs   []schemas.Run
	diff   differences
}

// Apply applies the examples, as tapline apply -f does.
type Apply func(ctx context.Context, c *client.Client) error

// New returns a demo that writes results to out and messages to messages.
func New(cfg Config, apply Apply, out, messages io.Writer) *Demo {
	return &Demo{cfg: cfg, apply: apply, out: out, err: messages}
}

// Run starts the pipeline, shows it at work, compares and stops it again.
func (d *Demo) Run(ctx context.Context) error {
	if err := d.clearData(); err != nil {
		return err
	}
	d.step("1. starting Kafka, Redis, the sandbox Snowflake, the sandbox CleverTap and five services in this process, under %s", d.cfg.Dev.Data)
	return dev.Run(ctx, d.cfg.Dev, d.show)
}

// marker is the name of the file that marks a directory as a demo's data directory.
const marker = "demo"

// clearData removes the data of an earlier demo, so that this one starts empty. It
// empties only directories that a demo has made, never that of a tapline dev.
func (d *Demo) clearData() error {
	dir := d.cfg.Dev.Data
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("looking into the data directory: %w", err)
	}
	if len(entries) > 0 {
		if _, err := os.Stat(filepath.Join(dir, marker)); err != nil {
			return fmt.Errorf("the data directory %s holds files that are not a demo's; name an empty directory with --data", dir)
		}
		if err := dev.Clear(dir); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("making the data directory: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, marker), nil, 0o600); err != nil {
		return fmt.Errorf("marking the data directory: %w", err)
	}
	return nil
}

func (d *Demo) step(format string, args ...any) { d.say("\n"+format, args...) }

func (d *Demo) say(format string, args ...any) {
	// If this fails, the terminal is closed and there is nobody to tell.
	_, _ = fmt.Fprintf(d.err, format+"\n", args...)
}

// show runs the steps of the demonstration.
func (d *Demo) show(ctx context.Context, running *dev.Dev) (err error) {
	d.dev = running
	if d.client, err = client.New(running.Endpoints().ImportCenter, "tapline demo"); err != nil {
		return err
	}
	if d.conn, err = running.Snowflake().Conn(ctx); err != nil {
		return fmt.Errorf("reaching the sandbox's DuckDB: %w", err)
	}
	defer func() { err = errors.Join(err, d.conn.Close()) }()
	for _, step := range []func(context.Context) error{d.fill, d.define, d.runBoth, d.runWindow, d.table, d.compare} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	if !d.cfg.Keep {
		return nil
	}
	d.say("\neverything keeps running; Ctrl-C ends it")
	<-ctx.Done()
	return nil
}

func (d *Demo) fill(ctx context.Context) error {
	d.step("2. filling the sandbox Snowflake")
	// The newest customer changed a minute ago, so that no run counts a row as future.
	if err := demotables.Fill(ctx, d.conn, d.cfg.Tables, time.Now().Add(-time.Minute)); err != nil {
		return err
	}
	for _, t := range []struct{ name, what string }{
		{`"SHOP"."PUBLIC"."CUSTOMERS"`, "generated customers"},
		{`"SHOP"."DEMO"."EXPECTED"`, fmt.Sprintf("of them have one of %d kinds of invalid value; no import reads this table", len(demotables.InvalidValues()))},
		{`"SHOP"."PUBLIC"."PURCHASES"`, "real purchases from a music shop, 1997 and 1998"},
	} {
		n, err := count(ctx, d.conn, "SELECT count(*) FROM "+t.name)
		if err != nil {
			return err
		}
		d.say("   %7d %s", n, t.what)
	}
	return nil
}

func (d *Demo) define(ctx context.Context) error {
	d.step("3. applying examples/customers.yaml (profiles) and examples/purchases.yaml (events)")
	return d.apply(ctx, d.client)
}

func (d *Demo) runBoth(ctx context.Context) error {
	d.step("4. running both imports")
	for _, name := range []string{"customers", "purchases"} {
		if err := d.run(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// run runs an import, waits for its end and appends it to d.runs.
func (d *Demo) run(ctx context.Context, importName string) error {
	started, err := d.client.StartRun(ctx, importName, uuid.NewString(), client.Agreement{})
	if err != nil {
		return err
	}
	display := progress.New(d.err)
	run, err := d.client.Wait(ctx, started.Run, client.Waiter{Show: display.Show})
	display.Close()
	if err != nil {
		return err
	}
	d.runs = append(d.runs, run)
	switch {
	case run.State == schemas.StateSucceeded, run.State == schemas.StateSucceededWithRejects:
		return nil
	case run.Error != nil:
		return fmt.Errorf("run %s ended as %s: %s", run.Run, run.State, run.Error.Reason)
	}
	return fmt.Errorf("run %s ended as %s", run.Run, run.State)
}

// runWindow changes customers and shows that the next run reads and loads those.
func (d *Demo) runWindow(ctx context.Context) error {
	d.step("   changing %d customers in Snowflake and running customers again", demotables.Changed)
	if err := demotables.Change(ctx, d.conn, time.Now()); err != nil {
		return err
	}
	if err := d.run(ctx, "customers"); err != nil {
		return err
	}
	run := d.runs[len(d.runs)-1]
	total, err := count(ctx, d.conn, `SELECT count(*) FROM "SHOP"."PUBLIC"."CUSTOMERS"`)
	if err != nil {
		return err
	}
	window, err := count(ctx, d.conn, `SELECT count(*) FROM "SHOP"."PUBLIC"."CUSTOMERS" WHERE UPDATED_AT >= CAST(? AS TIMESTAMP_NS)`, run.WatermarkFrom)
	if err != nil {
		return err
	}
	text, rows, err := d.statement(ctx, run.QueryID)
	if err != nil {
		return err
	}
	d.say("   Snowflake was asked for %d of %d rows, those since the watermark %s:\n     … %s", rows, total, run.WatermarkFrom, tail(text))
	if run.Counts.Loaded != demotables.Changed {
		d.diff.report("second run", "%d rows loaded, should be the %d that changed", run.Counts.Loaded, demotables.Changed)
	}
	if rows != window || run.Counts.Read != window {
		d.diff.report("second run", "Snowflake delivered %d rows and the run read %d, should be the %d of the window", rows, run.Counts.Read, window)
	}
	if window > demotables.Changed+total/10 {
		d.diff.report("second run", "the window holds %d of %d rows", window, total)
	}
	return nil
}

// statement finds a query in the sandbox Snowflake's log.
func (d *Demo) statement(ctx context.Context, id string) (text string, rows int64, err error) {
	type entry struct {
		ID   string `json:"id"`
		Text string `json:"text"`
		Rows int64  `json:"rows"`
	}
	found := false
	err = lines(ctx, d.dev.Endpoints().Snowflake.URL+"/sandbox/v1/queries", func(log struct {
		Items []entry `json:"items"`
	}) {
		for _, e := range log.Items {
			if e.ID == id {
				text, rows, found = e.Text, e.Rows, true
			}
		}
	})
	if err == nil && !found {
		err = fmt.Errorf("the sandbox Snowflake's log holds no query %s", id)
	}
	return text, rows, err
}

// compare compares what CleverTap holds with what it should hold.
func (d *Demo) compare(ctx context.Context) error {
	d.step("6. comparing what CleverTap holds with what it should hold, computed by SQL over the tables")
	wantProfiles, err := expectedProfiles(ctx, d.conn)
	if err != nil {
		return err
	}
	wantEvents, err := expectedEvents(ctx, d.conn)
	if err != nil {
		return err
	}
	wantRejects, err := expectedRejects(ctx, d.conn)
	if err != nil {
		return err
	}
	buyers := map[string]bool{}
	for e := range wantEvents {
		buyers[e.identity] = true
	}
	url := d.dev.Endpoints().CleverTap.URL
	values, err := compareProfiles(ctx, url, wantProfiles, buyers, &d.diff)
	if err != nil {
		return err
	}
	events, err := compareEvents(ctx, url, wantEvents, &d.diff)
	if err != nil {
		return err
	}
	rejects, err := d.compareRejects(ctx, wantRejects)
	if err != nil {
		return err
	}
	if err := d.diff.err(); err != nil {
		return err
	}
	d.say("   equal: %d profiles with %d values, %d events, some of them equal to each other, and %d rejected rows, each with the code of its invalid value",
		len(wantProfiles), values, events, rejects)
	return nil
}

// compareRejects compares the first run's rejects with the rows that have invalid values.
func (d *Demo) compareRejects(ctx context.Context, want map[string]string) (int, error) {
	got := map[string]string{}
	err := d.client.AllRejects(ctx, client.RejectsQuery{Run: d.runs[0].Run}, func(r schemas.Reject) error {
		var row struct {
			Number json.Number `json:"ROW_NO"`
		}
		if err := json.Unmarshal(r.Row, &row); err != nil {
			return fmt.Errorf("reading a rejected row: %w", err)
		}
		n := row.Number.String()
		if _, twice := got[n]; twice {
			d.diff.report("row rejected twice", "row %s", n)
		}
		got[n] = r.Code
		if want[n] != r.Code {
			d.diff.report("reject", "row %s is rejected as %s, should be %s", n, r.Code, orAbsent(want[n]))
		}
		return nil
	})
	for n, code := range want {
		if _, ok := got[n]; !ok {
			d.diff.report("reject that is missing", "row %s, %s", n, code)
		}
	}
	for _, run := range d.runs[1:] {
		if run.Counts.Rejected() > 0 {
			d.diff.report("reject", "run %s rejected %d rows, should be none", run.Run, run.Counts.Rejected())
		}
	}
	return len(got), err
}
