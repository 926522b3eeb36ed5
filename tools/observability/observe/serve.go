package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"tapline.dev/tools/observability/internal/window"
)

const (
	startTimeout = 30 * time.Second
	stopTimeout  = 10 * time.Second
	readTimeout  = 5 * time.Second
)

// program is one that is started, and the address at which it says that it is ready.
type program struct {
	name  string
	args  []string
	env   []string
	ready string
}

// serve runs everything until ctx is done or one of it ends.
func (c config) serve(ctx context.Context) error {
	programs, err := c.programs()
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return c.serveHooks(ctx) })
	group.Go(func() error {
		// In this order: what Prometheus tells while there is no Alertmanager is lost for as
		// long as it waits before it tells it again.
		for _, p := range programs {
			group.Go(func() error { return c.runProgram(ctx, p) })
			if err := untilReady(ctx, p); err != nil {
				return err
			}
		}
		fmt.Fprintf(c.out, "Prometheus    %s\nAlertmanager  %s\n", c.url(portPrometheus), c.url(portAlertmanager))
		if len(programs) > 2 {
			fmt.Fprintf(c.out, "Grafana       %s\n", c.url(portGrafana))
		} else {
			fmt.Fprintln(c.out, "Grafana       is not installed; its dashboards are in deploy/observability/grafana")
		}
		fmt.Fprintln(c.out, "what people would be told follows here; end with Ctrl-C")
		return nil
	})
	return group.Wait()
}

func (c config) programs() ([]program, error) {
	in := func(parts ...string) string { return filepath.Join(append([]string{c.dir}, parts...)...) }
	prometheus, err := find("prometheus")
	if err != nil {
		return nil, err
	}
	alertmanager, err := find("alertmanager", "prometheus-alertmanager")
	if err != nil {
		return nil, err
	}
	out := []program{
		{alertmanager, []string{
			"--config.file=" + in("alertmanager/alertmanager.yaml"), "--storage.path=" + in("alertmanager/data"),
			"--web.listen-address=" + c.addr(portAlertmanager), "--cluster.listen-address=", "--log.level=warn",
		}, nil, c.url(portAlertmanager) + "/-/ready"},
		{prometheus, []string{
			"--config.file=" + in("prometheus/prometheus.yaml"), "--storage.tsdb.path=" + in("prometheus/data"),
			"--web.listen-address=" + c.addr(portPrometheus), "--enable-feature=exemplar-storage", "--log.level=warn",
			"--rules.alert.resend-delay=" + window.Factor(c.factor).Duration(time.Minute),
		}, nil, c.url(portPrometheus) + "/-/ready"},
	}
	if grafana, err := find("grafana"); err == nil {
		out = append(out, program{grafana, []string{"server", "--homepath", grafanaHome}, []string{
			"GF_SERVER_HTTP_ADDR=127.0.0.1", fmt.Sprintf("GF_SERVER_HTTP_PORT=%d", c.base+portGrafana),
			"GF_PATHS_DATA=" + in("grafana/data"), "GF_PATHS_PROVISIONING=" + in("grafana/provisioning"),
			"GF_AUTH_ANONYMOUS_ENABLED=true", "GF_AUTH_ANONYMOUS_ORG_ROLE=Viewer", "GF_ANALYTICS_REPORTING_ENABLED=false", "GF_ANALYTICS_CHECK_FOR_UPDATES=false",
		}, c.url(portGrafana) + "/api/health"})
	}
	return out, nil
}

// grafanaHome is where Grafana's packages put what it needs to run.
const grafanaHome = "/usr/share/grafana"

// find returns the path of a program that goes by one of the names.
func find(names ...string) (string, error) {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is not installed (Debian: apt-get install prometheus prometheus-alertmanager)", names[0])
}

// runProgram runs a program until ctx is done; that it ends earlier is an error.
func (c config) runProgram(ctx context.Context, p program) error {
	cmd := exec.CommandContext(ctx, p.name, p.args...)
	cmd.Env = append(cmd.Environ(), p.env...)
	cmd.Stderr = c.errOut
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = stopTimeout
	err := cmd.Run()
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("%s has ended: %w", filepath.Base(p.name), errors.Join(err, errors.New("see its messages above")))
}

func untilReady(ctx context.Context, p program) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		if answers(ctx, p.ready) {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready at %s after %s", filepath.Base(p.name), p.ready, startTimeout)
		}
	}
}

func answers(ctx context.Context, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	_ = res.Body.Close() // only the status matters
	return res.StatusCode == http.StatusOK
}

func (c config) serveHooks(ctx context.Context) error {
	h := &hooks{out: c.out}
	server := &http.Server{Addr: c.addr(portHooks), Handler: h.handler(c.root), ReadHeaderTimeout: readTimeout}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() }) // a reader of a runbook can ask again
	defer stop()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving runbooks: %w", err)
	}
	return nil
}
