package metrics_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"tapline.dev/schemas/metrics"
)

func TestCatalogue(t *testing.T) {
	t.Parallel()
	name := regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$`)
	seen := map[string]bool{}
	for _, m := range metrics.Catalogue() {
		if !name.MatchString(m.Name) || seen[m.Name] {
			t.Errorf("%q is no name, or stands in the catalogue twice", m.Name)
		}
		seen[m.Name] = true
		if m.Help == "" || !strings.HasSuffix(m.Help, ".") {
			t.Errorf("%s: the help is %q and must be a sentence", m.Name, m.Help)
		}
		switch m.Kind {
		case metrics.Counter, metrics.Gauge, metrics.Histogram:
		default:
			t.Errorf("%s: kind %q", m.Name, m.Kind)
		}
		for _, l := range m.Labels {
			if l.Name == "" || (len(l.Values) == 0) == (l.Of == "") {
				t.Errorf("%s: label %q needs either values or what bounds it", m.Name, l.Name)
			}
		}
	}
}

// A metric that is declared and not listed would be in no document and in no check.
func TestEveryMetricIsInTheCatalogue(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	declared := 0
	for _, path := range files {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if lit, ok := n.(*ast.CompositeLit); ok {
				if id, ok := lit.Type.(*ast.Ident); ok && id.Name == "Metric" {
					declared++
				}
			}
			return true
		})
	}
	if listed := len(metrics.Catalogue()); listed != declared {
		t.Errorf("%d metrics are declared, %d are in the catalogue", declared, listed)
	}
}

func TestPrometheusNames(t *testing.T) {
	t.Parallel()
	for want, m := range map[string]metrics.Metric{
		"tapline_loader_requests_total":                 metrics.LoaderRequests,
		"tapline_loader_request_duration_seconds":       metrics.LoaderRequestDuration,
		"tapline_loader_request_records":                metrics.LoaderRequestRecords,
		"tapline_extractor_downloaded_bytes_total":      metrics.SnowflakeDownloaded,
		"tapline_import_last_success_timestamp_seconds": metrics.ImportLastSuccess,
		"tapline_mapper_retention_used_ratio":           metrics.MapperRetentionUsed,
		"messaging_client_sent_messages_total":          metrics.KafkaSent,
	} {
		if got := m.Prometheus(); got != want {
			t.Errorf("%s is %s at Prometheus, want %s", m.Name, got, want)
		}
	}
}
