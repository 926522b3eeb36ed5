package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tapline.dev/cmd/tapline/internal/client"
	"tapline.dev/cmd/tapline/internal/support"
	"tapline.dev/libs/daemon"
	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

const (
	supportRuns    = 200
	supportWhyLate = 50
	supportReports = 500 // of each control partition
	adminTimeout   = 10 * time.Second
	maxAdminAnswer = 32 << 20
)

type supportFlags struct {
	file, config string
	admin        []string
}

func (a *app) supportCommand() *cobra.Command {
	var f supportFlags
	cmd := &cobra.Command{
		Use:   "support",
		Short: "Pack what whoever helps you needs to see, without personal data",
		Long: `Pack what whoever helps you needs to see into one archive: versions, checks,
definitions, imports and their states, the last runs and why imports are late; with
--admin the metrics, readiness and build of the services at these addresses; with
--config Kafka's topics, their settings and the last reports.

Only names, codes, states, instants and figures are shown, and what checks found. Every
other text is masked: queries, expressions, constants, reasons, people. Look through it
before you send it.`,
		Args: cobra.NoArgs,
	}
	cmd.Flags().StringVar(&f.file, "file", "tapline-support.tar.gz", "where to write the archive; - is standard output")
	cmd.Flags().StringArrayVar(&f.admin, "admin", nil, "admin address of a service, such as http://127.0.0.1:19011; repeat it for each")
	configFlag(cmd, &f.config)
	cmd.RunE = a.online(func(ctx context.Context, c *client.Client, _ []string) error {
		return a.support(ctx, c, f)
	})
	return cmd
}

func (a *app) support(ctx context.Context, c *client.Client, f supportFlags) (err error) {
	out := a.io.Out
	if f.file != "-" {
		file, err := os.OpenFile(f.file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return fmt.Errorf("writing the archive: %w", err)
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		out = file
	}
	now := time.Now().UTC()
	b := support.New(out, now)
	err = errors.Join(a.supportOfCenter(ctx, b, c, now), supportOfServices(ctx, b, f.admin))
	if f.config != "" {
		err = errors.Join(err, supportOfKafka(ctx, b, f.config))
	}
	missing, closing := b.Close()
	if err = errors.Join(err, closing); err != nil {
		return err
	}
	for _, name := range missing {
		a.say("%s could not be had and is left out", name)
	}
	if f.file != "-" {
		a.say("wrote %s: look through it before you send it", f.file)
	}
	return nil
}

// supportOfCenter adds what Import Center tells.
func (a *app) supportOfCenter(ctx context.Context, b *support.Bundle, c *client.Client, now time.Time) error {
	deployment, deploymentErr := c.Deployment(ctx)
	imports, importsErr := c.Imports(ctx)
	runs, runsErr := c.Runs(ctx, client.RunsQuery{Size: supportRuns})
	errs := []error{
		b.JSON("about.json", map[string]any{
			"time": now, "version": daemon.Version(), "service": "tapline", "go": runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH,
		}, nil),
		b.JSON("deployment.json", deployment, deploymentErr),
		b.JSON("imports.json", imports, importsErr),
		b.JSON("runs.json", runs, runsErr),
	}
	for _, plural := range []string{"connections", "accounts", "defaults", "notifications", "freezes"} {
		resources, err := c.Resources(ctx, plural)
		errs = append(errs, b.JSON("definitions/"+plural+".json", resources, err))
	}
	asked := 0
	for _, l := range imports.Items {
		definition, err := c.Import(ctx, l.Import)
		errs = append(errs, b.JSON("definitions/imports/"+l.Import+".json", definition, err))
		if asked++; asked <= supportWhyLate {
			answer, _, err := c.WhyLate(ctx, l.Import)
			errs = append(errs, b.JSON("why-late/"+l.Import+".json", answer, err))
		}
	}
	return errors.Join(errs...)
}

// supportOfServices adds what services tell at their admin addresses.
func supportOfServices(ctx context.Context, b *support.Bundle, addresses []string) error {
	var errs []error
	for i, address := range addresses {
		name := fmt.Sprintf("services/%d-", i+1)
		if u, err := url.Parse(address); err == nil {
			name += strings.ReplaceAll(u.Host, ":", "-")
		}
		for file, at := range map[string]string{"metrics.txt": "/metrics", "ready.txt": "/readyz?verbose", "build.txt": "/debug/build"} {
			text, err := getAdmin(ctx, strings.TrimRight(address, "/")+at)
			if at == "/metrics" {
				text = support.MaskMetrics(text)
			}
			errs = append(errs, b.Text(path.Join(name, file), text, err))
		}
	}
	return errors.Join(errs...)
}

func getAdmin(ctx context.Context, address string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, adminTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("asking %s: %w", address, err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("asking %s: %w", address, err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAdminAnswer))
	if err == nil && res.StatusCode == http.StatusNotFound {
		err = errors.New("not found")
	}
	return text, err
}

// supportOfKafka adds the topics, what differs from what they should be, and the last
// reports.
func supportOfKafka(ctx context.Context, b *support.Bundle, config string) error {
	s, err := readSettings(config)
	if err != nil {
		return err
	}
	specs, err := neededTopics(ctx, s.Kafka, nil)
	changes, planErr := kafka.PlanTopics(ctx, s.Kafka, kafkaDeps(), specs)
	reports, reportsErr := lastReports(ctx, s.Kafka)
	return errors.Join(
		b.JSON("topics/wanted.json", specs, err),
		b.JSON("topics/differences.json", changes, errors.Join(err, planErr)),
		b.JSON("reports.json", reports, reportsErr))
}

func lastReports(ctx context.Context, cfg kafka.Config) (all []json.RawMessage, err error) {
	reader, err := kafka.OpenReader(cfg, kafkaDeps())
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	for p := range int32(schemas.ControlPartitions) {
		tp := kafka.TP{Topic: schemas.NewTopics(cfg.Prefix).Reports(), Partition: p}
		end, err := reader.EndOffset(ctx, tp)
		if err != nil {
			return nil, err
		}
		_, err = reader.ReadTo(ctx, tp, max(end-supportReports, 0), func(r *kafka.Record) error {
			if json.Valid(r.Value) {
				all = append(all, r.Value)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}
