package tests

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"tapline.dev/schemas"
	"tapline.dev/tests/harness"
)

// orchestrators run each file of examples/orchestrators as its tool does. The tools themselves
// are small fakes in testdata/orchestrators; make test-orchestrators uses the real ones.
var orchestrators = map[string]string{
	"airflow": `exec python3 -c 'import airflow_dag; from airflow.sdk import TASKS; print(TASKS[0]())'`,
	"dagster": `exec python3 -c 'import dagster, dagster_job; print(dagster_job.run_import(dagster.OpExecutionContext()))'`,
	"dbt":     `PATH=$TOOLS:$PATH exec "$EXAMPLES/dbt_then_import.sh"`,
	"github":  `export GITHUB_RUN_ID=$RUN_ID GITHUB_STEP_SUMMARY=$PWD/summary; touch summary; eval "$STEP"`,
}

// TestOrchestrators runs each file against a whole pipeline, over HTTP and with an idempotency
// key. A file makes one run and waits for its end; tried again with the same key it waits for
// the same run. If the run is held or fails, the file fails and says what to do.
func TestOrchestrators(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"python3", "curl", "jq"} {
		_, err := exec.LookPath(program)
		if err != nil && os.Getenv("CI") == "true" {
			t.Fatalf("%s is missing: .ci/run installs it", program)
		}
		if err != nil {
			t.Skipf("%s is not installed, and an example uses it", program)
		}
	}
	path, _ := customers(t, 40)
	c := harness.Start(t, harness.Options{DevArgs: []string{"--load", table + "=" + path}})
	whole := strings.Replace(definition("whole"), "    cursor: {column: UPDATED_AT, lookback: 15m}\n", "", 1)
	held := strings.Replace(strings.Replace(whole, "name: whole", "name: held", 1), "  topic:", "  limits: {hold: {rows: 10}}\n  topic:", 1)
	failing := strings.Replace(strings.Replace(whole, "name: whole", "name: failing", 1), "query: select *", "query: select NAME, EMAIL, AGE, SPEND", 1)
	for _, text := range []string{whole, held} {
		c.ApplyText(t, text)
	}
	file := filepath.Join(c.Dir, "failing.yaml")
	if err := os.WriteFile(file, []byte(failing), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, code := c.CLI(t, "apply", "--offline", "-f", file); code != 0 {
		t.Fatalf("apply: %d %s", code, out)
	}
	for name, script := range orchestrators {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			execute := func(importName, key string) (string, error) {
				cmd := exec.CommandContext(t.Context(), "bash", "-c", script)
				examples, tools := filepath.Join(harness.Root(), "examples/orchestrators"), filepath.Join(harness.Root(), "tests/testdata/orchestrators")
				cmd.Dir, cmd.Env = dir, append(os.Environ(), "TAPLINE_SERVER="+c.Endpoints.ImportCenter, "TAPLINE_IMPORT="+importName, "RUN_ID="+key,
					"PYTHONPATH="+tools+":"+examples, "PYTHONDONTWRITEBYTECODE=1", "EXAMPLES="+examples, "TOOLS="+tools, "STEP="+githubStep(t))
				out, err := cmd.CombinedOutput()
				return string(out), err
			}
			before := newestRun(t, c, "whole")
			for try := range 2 {
				if out, err := execute("whole", name+"-1"); err != nil {
					t.Fatalf("try %d: %v\n%s", try, err, out)
				}
			}
			if after := newestRun(t, c, "whole"); after != before+1 {
				t.Errorf("one key made %d runs", after-before)
			}
			if out, err := execute("whole", name+"-2"); err != nil || newestRun(t, c, "whole") != before+2 {
				t.Errorf("another key: %v, run %d after %d\n%s", err, newestRun(t, c, "whole"), before, out)
			}
			out, err := execute("held", name)
			id := schemas.RunID("held", newestRun(t, c, "held"))
			if err == nil || !strings.Contains(out, "tapline approve "+id) {
				t.Errorf("a held run: %v\n%s", err, out)
			}
			if out, code := c.CLI(t, "decline", id); code != 0 {
				t.Errorf("decline: %d %s", code, out)
			}
			if out, err := execute("failing", name); err == nil || !strings.Contains(out, "failed") {
				t.Errorf("a run that fails: %v\n%s", err, out)
			}
		})
	}
}

// githubStep is what the workflow's step runs.
func githubStep(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(harness.Root(), "examples/orchestrators/github_actions.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	_, step, found := strings.Cut(string(text), "        run: |\n")
	if !found {
		t.Fatal("the workflow has no step that runs something")
	}
	return strings.ReplaceAll(step, "\n          ", "\n")
}

// newestRun is the number of an import's newest run, 0 without one.
func newestRun(t *testing.T, c *harness.Cluster, importName string) int {
	t.Helper()
	out, code := c.CLI(t, "get", "runs", "--import", importName, "-o", "name", "--limit", "1")
	if code != 0 {
		t.Fatalf("get runs: %d %s", code, out)
	}
	if out = strings.TrimSpace(out); out == "" {
		return 0
	}
	_, n, err := schemas.ParseRunID(out)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
