package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

// cataloguePath is the import path of the catalogue of metrics.
const cataloguePath = "tapline.dev/schemas/metrics"

// declaredMetrics returns the names of all metrics by the variables that declare them.
func declaredMetrics(root string) (map[string]string, error) {
	declared := map[string]string{}
	files, err := filepath.Glob(filepath.Join(root, "schemas", "metrics", "*.go"))
	if err != nil {
		return nil, fmt.Errorf("listing the catalogue: %w", err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, fmt.Errorf("reading the catalogue: %w", err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			for i, value := range spec.Values {
				if name, ok := nameOfMetric(value); ok {
					declared[spec.Names[i].Name] = name
				}
			}
			return true
		})
	}
	return declared, nil
}

// nameOfMetric returns the name in a literal of a metric.
func nameOfMetric(value ast.Expr) (string, bool) {
	literal, ok := value.(*ast.CompositeLit)
	if !ok {
		return "", false
	}
	if kind, ok := literal.Type.(*ast.Ident); !ok || kind.Name != "Metric" {
		return "", false
	}
	for _, element := range literal.Elts {
		field, ok := element.(*ast.KeyValueExpr)
		if !ok {
			continue
		}
		key, isIdent := field.Key.(*ast.Ident)
		text, isText := field.Value.(*ast.BasicLit)
		if isIdent && isText && key.Name == "Name" {
			name, err := strconv.Unquote(text.Value)
			return name, err == nil
		}
	}
	return "", false
}

// usedOfCatalogue returns what of the catalogue the production code under the folders
// refers to.
func usedOfCatalogue(root string, folders ...string) (map[string]bool, error) {
	used := map[string]bool{}
	for _, folder := range folders {
		err := filepath.WalkDir(filepath.Join(root, folder), func(file string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case entry.IsDir() && (entry.Name() == "testdata" || entry.Name() == "node_modules"):
				return filepath.SkipDir
			case entry.IsDir() || filepath.Ext(file) != ".go" || strings.HasSuffix(file, "_test.go"):
				return nil
			}
			return noteUses(file, used)
		})
		if err != nil {
			return nil, fmt.Errorf("looking for uses of the catalogue of metrics: %w", err)
		}
	}
	return used, nil
}

func noteUses(file string, used map[string]bool) error {
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	imported := ""
	for _, spec := range parsed.Imports {
		if spec.Path.Value != strconv.Quote(cataloguePath) {
			continue
		}
		imported = path.Base(cataloguePath)
		if spec.Name != nil {
			imported = spec.Name.Name
		}
	}
	if imported == "" {
		return nil
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		if selector, ok := n.(*ast.SelectorExpr); ok {
			if of, ok := selector.X.(*ast.Ident); ok && of.Name == imported {
				used[selector.Sel.Name] = true
			}
		}
		return true
	})
	return nil
}
