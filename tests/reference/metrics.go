package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"tapline.dev/schemas/metrics"
)

const metricsHead = `# Metrics

<!-- Written by make docs. Change schemas/metrics, not this page. -->

Every service serves these at ` + "`/metrics`" + ` of its admin address for Prometheus, with exemplars in the OpenMetrics format, and sends them by OTLP if the standard variables ask for it. The names are OpenTelemetry's and Prometheus'. The names of imports are labels of at most ` + "`metrics.imports`" + ` imports; what lies beyond is in the series ` + "`import=\"" + metrics.Others + "\"`" + `. A state (gauge) exists while what it is about does; a counter of an import exists at 0 as soon as the import is known.

Series that Prometheus, the Go runtime and the process add may be used in dashboards and alerts as well: `

// metricsPage lists the catalogue.
func metricsPage() string {
	var page strings.Builder
	foreign := metrics.Foreign()
	for i, name := range foreign {
		foreign[i] = "`" + name + "`"
	}
	page.WriteString(metricsHead + strings.Join(foreign, ", ") + ".\n")
	page.WriteString("\n| metric | at Prometheus | kind | unit | of | labels | meaning |\n|---|---|---|---|---|---|---|\n")
	for _, m := range metrics.Catalogue() {
		of := "every service"
		if len(m.Services) > 0 {
			of = strings.Join(m.Services, ", ")
		}
		fmt.Fprintf(&page, "| `%s` | `%s` | %s | %s | %s | %s | %s |\n",
			m.Name, m.Prometheus(), m.Kind, strings.Trim(m.Unit, "{}"), of, labelsCell(m.Labels), cell(m.Help))
	}
	return page.String()
}

func labelsCell(labels []metrics.Label) string {
	parts := make([]string, len(labels))
	for i, l := range labels {
		parts[i] = "`" + l.Name + "`: " + cell(l.Of)
		if len(l.Values) > 0 {
			parts[i] = "`" + l.Name + "`: " + strings.Join(l.Values, ", ")
		}
	}
	return strings.Join(parts, "; ")
}

// named finds what a text calls by the name of a metric of ours: in Prometheus' spelling,
// and in OpenTelemetry's.
var named = regexp.MustCompile(`\b(tapline_[a-z0-9_]+[a-z0-9]|tapline(\.[a-z][a-z_]*){2,}[a-z])\b`)

// notMetrics are names that look like one and are something else: topics, fields and labels.
var notMetrics = regexp.MustCompile(`^(tapline\.(rows|records|imports|state|reports|runs|dev|rejects|commands|fold|triggers|columns|audit|resources|suppressions|generations|lookups|dryrun|example)\.|tapline_(alert|slo|rule|dashboard|recording|dev|test)_|tapline_key$)`)

// unknownMetrics lists what the files under the folders call by the name of a metric that
// the catalogue does not have, as "file: name".
func unknownMetrics(root string, folders ...string) ([]string, error) {
	known := map[string]bool{}
	for _, m := range metrics.Catalogue() {
		known[m.Name] = true
		known[m.Prometheus()] = true
		for _, s := range m.Series() {
			known[s] = true
		}
	}
	var unknown []string
	for _, folder := range folders {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !slices.Contains([]string{".md", ".json", ".yaml", ".yml", ".tmpl"}, filepath.Ext(path)) {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for _, name := range named.FindAllString(string(text), -1) {
				if !known[name] && !notMetrics.MatchString(name) {
					short, _ := filepath.Rel(root, path)
					unknown = append(unknown, short+": "+name)
				}
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("looking for names of metrics: %w", err)
		}
	}
	slices.Sort(unknown)
	return slices.Compact(unknown), nil
}
