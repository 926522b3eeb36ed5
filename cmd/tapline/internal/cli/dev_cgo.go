//go:build cgo

package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"tapline.dev/cmd/tapline/internal/client"
	"tapline.dev/cmd/tapline/internal/demo"
	"tapline.dev/cmd/tapline/internal/dev"
	"tapline.dev/domain/definition"
	"tapline.dev/sandbox"
	"tapline.dev/sandbox/demotables"
)

// devCommands are the commands that hold the whole pipeline.
func (a *app) devCommands() []*cobra.Command {
	return []*cobra.Command{a.devCommand(), a.demoCommand()}
}

type devFlags struct {
	dev      dev.Config
	tables   demotables.Tables
	load     []string
	only     string
	examples string
}

func (f *devFlags) add(cmd *cobra.Command, data string) {
	cmd.Flags().StringVar(&f.dev.Data, "data", data, "the directory that holds everything; one process at a time")
	cmd.Flags().IntVar(&f.dev.PortBase, "port-base", dev.DefaultPortBase, "the first port: +0 Import Center, +1 Kafka, +2 Redis, +3 Snowflake, +4 CleverTap, +10 and up admin ports")
	cmd.Flags().StringVar(&f.dev.Kafka, "kafka", "", "use the Kafka at this address instead of an embedded one")
	cmd.Flags().StringVar(&f.dev.Redis, "redis", "", "use the Redis at this address instead of an embedded one")
	cmd.Flags().StringVar(&f.dev.Prefix, "prefix", "tapline", "what the names of topics, groups and Redis keys begin with")
	cmd.Flags().Int64Var(&f.tables.Seed, "seed", 0, "generate the demo's tables from this number")
	cmd.Flags().Lookup("seed").NoOptDefVal = "1"
	cmd.Flags().Int64Var(&f.tables.Customers, "customers", demotables.DefaultCustomers, "how many customers to generate")
	cmd.Flags().StringVar(&f.tables.Purchases, "purchases", "data/cdnow_sample.txt", "the purchase log that the demo's table of events is made of")
}

func (a *app) devCommand() *cobra.Command {
	var f devFlags
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Run the whole pipeline in one process, against a sandbox",
		Long: `Run the whole pipeline in one process: embedded Kafka, kept on disk, embedded
Redis, a sandbox Snowflake, a sandbox CleverTap and every service. The connection
"warehouse" and the account "clevertap" are there from the start.

endpoints.json in the data directory, written when all is ready, says where
everything is. End it with Ctrl-C or SIGTERM: the data directory then keeps all,
the ledger in Redis included. A SIGKILL loses the ledger, and can lose the
embedded Kafka's state of idempotent producers.`,
		Args: cobra.NoArgs,
	}
	f.add(cmd, ".tapline")
	cmd.Flags().StringArrayVar(&f.load, "load", nil, "TABLE=FILE: make a Snowflake table of a Parquet, CSV or NDJSON file, TABLE(COLUMN TYPE, …)=FILE with these types; may be given again")
	cmd.Flags().BoolVar(&f.dev.Nested, "nested", false, "let the sandbox CleverTap take objects and arrays as properties")
	cmd.Flags().StringVar(&f.only, "only", "", "infra: Kafka, Redis and the sandbox without the services")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := f.finish(); err != nil {
			return err
		}
		if cmd.Flags().Changed("seed") {
			f.dev.Fill = func(ctx context.Context, snowflake *sandbox.Snowflake) error {
				return demotables.Seed(ctx, snowflake, f.tables)
			}
		}
		f.dev.Progress = func(what string) { a.say("%s", what) }
		return dev.Run(cmd.Context(), f.dev, func(ctx context.Context, d *dev.Dev) error {
			a.say("ready")
			d.Describe(a.io.Err)
			<-ctx.Done()
			a.say("stopping")
			return nil
		})
	}
	return cmd
}

// projectFile finds a file of the project: in the working directory, or else in the
// project whose bin/ contains this program.
func projectFile(path string) string {
	if _, err := os.Stat(path); err == nil || filepath.IsAbs(path) {
		return path
	}
	program, err := os.Executable()
	if err != nil {
		return path
	}
	there := filepath.Join(filepath.Dir(program), "..", path)
	if _, err := os.Stat(there); err != nil {
		return path
	}
	return there
}

func (f *devFlags) finish() error {
	f.tables.Purchases, f.dev.Examples = projectFile(f.tables.Purchases), projectFile("examples")
	switch f.only {
	case "":
	case "infra":
		f.dev.OnlyInfra = true
	default:
		return fmt.Errorf("--only is infra, not %q", f.only)
	}
	for _, text := range f.load {
		t, err := dev.ParseTable(text)
		if err != nil {
			return err
		}
		f.dev.Load = append(f.dev.Load, t)
	}
	return nil
}

func (a *app) demoCommand() *cobra.Command {
	var f devFlags
	var keep bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Start the pipeline, import generated and real data, compare, stop",
		Long: `Start the pipeline as tapline dev does, fill the sandbox Snowflake, run two
imports, change some rows, run again, and compare what the sandbox CleverTap
holds with what it should hold. Exits with 1 and the difference if a run did not
close or anything differs. The data directory is emptied first.`,
		Args: cobra.NoArgs,
	}
	f.add(cmd, ".tapline/demo")
	cmd.Flags().StringVar(&f.examples, "examples", "examples", "the folder with customers.yaml and purchases.yaml")
	cmd.Flags().BoolVar(&keep, "keep", false, "keep everything running after the comparison")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if !cmd.Flags().Changed("seed") {
			f.tables.Seed = 1
		}
		f.tables.Purchases, f.examples = projectFile(f.tables.Purchases), projectFile(f.examples)
		cfg := demo.Config{Dev: f.dev, Tables: f.tables, Keep: keep}
		apply := func(ctx context.Context, c *client.Client) error {
			sources, err := readSources([]string{f.examples + "/customers.yaml", f.examples + "/purchases.yaml"})
			if err != nil {
				return err
			}
			p, problems, err := readSet(ctx, c, sources, definition.NoValues())
			if err == nil && len(problems) > 0 {
				err = refused(problems)
			}
			if err != nil {
				return err
			}
			applied, err := c.ApplySet(ctx, p.change)
			for _, r := range applied {
				a.say("   %s %s %s", strings.ToLower(r.Kind), r.Name, r.Outcome)
			}
			return p.inFiles(err)
		}
		return demo.New(cfg, apply, a.io.Out, a.io.Err).Run(cmd.Context())
	}
	return cmd
}
