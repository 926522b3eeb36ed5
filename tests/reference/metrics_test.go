package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/tests/harness"
)

// A dashboard, an alert or a page that names a metric which no service has is silent when
// it should speak.
func TestNoMetricIsNamedThatTheCodeDoesNotHave(t *testing.T) {
	t.Parallel()
	unknown, err := unknownMetrics(harness.Root(), "docs", "deploy")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range unknown {
		t.Errorf("%s is no metric of schemas/metrics", name)
	}
}

func TestUnknownMetricsAreFound(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	text := "rate(tapline_loader_requests_total[5m]) > tapline_loader_request_duration_seconds_bucket\n" +
		"tapline_loader_request_total is misspelt, and `tapline.loader.reqests` too; `tapline.rows.users.v1` is a topic"
	if err := os.WriteFile(filepath.Join(root, "alert.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := unknownMetrics(root, ".")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"alert.yaml: tapline.loader.reqests", "alert.yaml: tapline_loader_request_total"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
