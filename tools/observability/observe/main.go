// Command observe runs Prometheus, Alertmanager and, where it is installed, Grafana beside
// a running `tapline dev`, with the rules and dashboards of a deployment.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], process{os.Stdout, os.Stderr}); err != nil {
		fmt.Fprintln(os.Stderr, "observe:", err)
		os.Exit(1)
	}
}

// Offsets of the ports from the base.
const (
	portPrometheus = iota
	portAlertmanager
	portGrafana
	portHooks
)

type config struct {
	process
	// data is the folder of `tapline dev`, dir the one for everything that is written.
	data, dir string
	root      string
	base      int
	factor    float64
	scrape    time.Duration
	targets   map[string][]string
	page      string
}

func (c config) addr(port int) string { return fmt.Sprintf("127.0.0.1:%d", c.base+port) }

func (c config) url(port int) string { return "http://" + c.addr(port) }

// process is what main knows of it.
type process struct {
	out, errOut io.Writer
}

func run(ctx context.Context, args []string, of process) error {
	c := config{process: of, targets: map[string][]string{}}
	flags := flag.NewFlagSet("observe", flag.ContinueOnError)
	flags.StringVar(&c.data, "data", ".tapline", "the `folder` of a running tapline dev")
	flags.StringVar(&c.dir, "dir", "", "the `folder` for what is written; by default observe in that of tapline dev")
	flags.StringVar(&c.root, "root", ".", "the `folder` of the source tree, for the runbooks")
	flags.IntVar(&c.base, "port-base", 19090, "the first of four `port`s")
	flags.Float64Var(&c.factor, "factor", 1, "what every window of the rules is multiplied by, such as 0.02 to try an alert")
	flags.DurationVar(&c.scrape, "scrape", 5*time.Second, "how often the services are scraped")
	flags.Func("target", "`service=host:port` of a service that runs beside tapline dev --only infra; may be repeated", c.target)
	if err := flags.Parse(args); err != nil {
		return err
	}
	if c.dir == "" {
		c.dir = filepath.Join(c.data, "observe")
	}
	if err := c.endpoints(); err != nil {
		return err
	}
	if err := c.write(); err != nil {
		return err
	}
	return c.serve(ctx)
}

func (c config) target(text string) error {
	service, addr, ok := strings.Cut(text, "=")
	if !ok {
		return fmt.Errorf("want service=host:port, not %q", text)
	}
	c.targets[service] = append(c.targets[service], addr)
	return nil
}

// endpoints reads where `tapline dev` runs.
func (c *config) endpoints() error {
	text, err := os.ReadFile(filepath.Join(c.data, "endpoints.json"))
	if err != nil {
		return fmt.Errorf("no tapline dev runs in %s (start it with make dev, or name its folder with --data): %w", c.data, err)
	}
	var e struct {
		ImportCenter string            `json:"importCenter"`
		Admin        map[string]string `json:"admin"`
	}
	if err := json.Unmarshal(text, &e); err != nil {
		return fmt.Errorf("reading endpoints.json: %w", err)
	}
	c.page = e.ImportCenter
	for service, url := range e.Admin {
		// Dev itself has the probes and spans of all, but no metrics of its own.
		if service != "dev" {
			c.targets[service] = []string{strings.TrimPrefix(url, "http://")}
		}
	}
	if len(c.targets) == 0 {
		return fmt.Errorf("tapline dev runs no services: name them with --target")
	}
	return nil
}
