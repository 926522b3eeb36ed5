package generate

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"tapline.dev/tools/observability/internal/rules"
	"tapline.dev/tools/observability/internal/window"
)

// root is the folder of the source tree.
const root = "../../../.."

func files(t *testing.T, o Options) map[string][]byte {
	t.Helper()
	out, err := o.Files()
	if err != nil {
		t.Fatal(err)
	}
	composed, err := Composed()
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range composed {
		out[name] = text
	}
	return out
}

func TestCommittedFilesAreCurrent(t *testing.T) {
	t.Parallel()
	made := files(t, Production())
	if err := Compare(filepath.Join(root, "deploy/observability"), made); err != nil {
		t.Error(err)
	}
	if err := Known(made); err != nil {
		t.Error(err)
	}
}

func TestDriftIsFound(t *testing.T) {
	t.Parallel()
	folder, made := t.TempDir(), files(t, Production())
	if err := Write(folder, made); err != nil {
		t.Fatal(err)
	}
	if err := Compare(folder, made); err != nil {
		t.Fatalf("what was just written differs: %v", err)
	}
	for name, text := range map[string]string{"prometheus/alerts.yaml": "groups: []\n", boardsFolder + "old.json": "{}\n"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	err := Compare(folder, made)
	for _, want := range []string{"alerts.yaml is not what", "old.json is written by nothing"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Compare says %v, want %q in it", err, want)
		}
	}
}

func TestAMetricThatNobodyExportsIsFound(t *testing.T) {
	t.Parallel()
	err := Known(map[string][]byte{"alerts.yaml": []byte("rate(tapline_loader_requests_total[5m]) > tapline_loader_reqests_total")})
	if err == nil || !strings.Contains(err.Error(), "tapline_loader_reqests_total") || strings.Contains(err.Error(), "tapline_loader_requests_total") {
		t.Errorf("Known says %v", err)
	}
}

// tool returns the path of a program of Prometheus. CI has them all; a machine without them
// leaves the test out.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("%s is not installed: apt-get install prometheus prometheus-alertmanager", name)
	}
	t.Skipf("%s is not installed", name)
	return ""
}

func run(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), tool(t, name), args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

// Each alert fires for the series that it is about, with the labels that route it, and not
// for its neighbour.
func TestRulesFire(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if err := Write(folder, files(t, Production())); err != nil {
		t.Fatal(err)
	}
	prometheus := filepath.Join(folder, "prometheus")
	run(t, prometheus, "promtool", "check", "rules", "alerts.yaml", "slo.yaml")
	run(t, prometheus, "promtool", "check", "config", "prometheus.yaml")
	run(t, prometheus, "promtool", "test", "rules", "tests.yaml", "tests-of-days.yaml")
	run(t, filepath.Join(folder, "alertmanager"), "amtool", "check-config", "alertmanager.yaml")
}

// The rules with shortened windows are rules as well.
func TestShortenedRulesAreValid(t *testing.T) {
	t.Parallel()
	for _, factor := range []window.Factor{1.0 / 60, 1.0 / 300, 0.5} {
		o, folder := Production(), t.TempDir()
		o.Rules.Factor = factor
		if err := Write(folder, files(t, o)); err != nil {
			t.Fatal(err)
		}
		run(t, filepath.Join(folder, "prometheus"), "promtool", "check", "rules", "alerts.yaml", "slo.yaml")
		run(t, filepath.Join(folder, "alertmanager"), "amtool", "check-config", "alertmanager.yaml")
	}
}

// Where a message goes.
func TestRoutes(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if err := Write(folder, files(t, Production())); err != nil {
		t.Fatal(err)
	}
	for labels, want := range map[string]string{
		"alertname=TaplineImportLate severity=page team=growth":   "team-growth,page",
		"alertname=TaplineImportLate severity=page team=payments": "page",
		"alertname=TaplineHeldWaiting severity=ticket":            "ticket",
		"alertname=TaplineDeadMansSwitch severity=none":           "dead-mans-switch",
	} {
		args := append([]string{"config", "routes", "test", "--config.file=alertmanager/alertmanager.yaml", "--verify.receivers=" + want}, strings.Fields(labels)...)
		run(t, folder, "amtool", args...)
	}
}

func TestRulesSayWhatToDo(t *testing.T) {
	t.Parallel()
	for _, a := range rules.All() {
		if a.Summary == "" || a.Severity != rules.None && !strings.Contains(a.Description, "First: ") {
			t.Errorf("%s does not say what is wrong and what to do first", a.Name)
		}
	}
}
