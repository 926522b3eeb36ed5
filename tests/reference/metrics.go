package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const metricsHead = `# Metrics

<!-- Written by make docs. Change the descriptions in the code, not this page. -->

Every service exports these through OpenTelemetry (` + "`OTEL_METRICS_EXPORTER`" + `) and at ` + "`/metrics`" + ` of its admin address for Prometheus, where dots become underscores, counters end in ` + "`_total`" + ` and the unit is part of the name: ` + "`tapline.loader.records`" + ` is ` + "`tapline_loader_records_total`" + `. The Kafka and Redis clients add their own.
`

type instrument struct {
	name, kind, unit, description string
}

// metricsPage lists the instruments of the services and libraries.
func metricsPage(root string) (string, error) {
	var found []instrument
	for _, folder := range []string{"services", "libs", "domain"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			in, err := instruments(path)
			found = append(found, in...)
			return err
		})
		if err != nil {
			return "", err
		}
	}
	slices.SortFunc(found, func(a, b instrument) int { return strings.Compare(a.name, b.name) })
	var page strings.Builder
	page.WriteString(metricsHead + "\n| metric | kind | unit | meaning |\n|---|---|---|---|\n")
	for _, i := range found {
		if i.description == "" {
			return "", fmt.Errorf("metric %s has no description", i.name)
		}
		fmt.Fprintf(&page, "| `%s` | %s | %s | %s |\n", i.name, i.kind, strings.Trim(i.unit, "{}"), cell(i.description))
	}
	return page.String(), nil
}

// instruments finds the calls that make an instrument, such as Int64Counter.
func instruments(path string) ([]instrument, error) {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var out []instrument
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) == 0 {
			return true
		}
		kind, ok := instrumentKind(called(call))
		name, isText := text(call.Args[0])
		if !ok || !isText || !strings.HasPrefix(name, "tapline.") {
			return true
		}
		i := instrument{name: name, kind: kind}
		for _, arg := range call.Args[1:] {
			if option, ok := arg.(*ast.CallExpr); ok && len(option.Args) == 1 {
				value, _ := text(option.Args[0])
				switch called(option) {
				case "WithDescription":
					i.description = value
				case "WithUnit":
					i.unit = value
				}
			}
		}
		out = append(out, i)
		return true
	})
	return out, nil
}

func called(call *ast.CallExpr) string {
	if s, ok := call.Fun.(*ast.SelectorExpr); ok {
		return s.Sel.Name
	}
	return ""
}

func instrumentKind(method string) (string, bool) {
	for _, number := range []string{"Int64", "Float64"} {
		kind, ok := strings.CutPrefix(method, number)
		if !ok {
			continue
		}
		switch strings.TrimPrefix(kind, "Observable") {
		case "Counter":
			return "counter", true
		case "UpDownCounter", "Gauge":
			return "gauge", true
		case "Histogram":
			return "histogram", true
		}
	}
	return "", false
}

// text is the value of a string literal, or of several joined by +.
func text(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		s, err := strconv.Unquote(e.Value)
		return s, err == nil && e.Kind == token.STRING
	case *ast.BinaryExpr:
		left, ok := text(e.X)
		right, also := text(e.Y)
		return left + right, ok && also && e.Op == token.ADD
	}
	return "", false
}
