package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"regexp"
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
	err := eachSource(root, folders, func(_ string, _ *token.FileSet, file *ast.File) {
		imported := importedAs(file)
		if imported == "" {
			return
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if selector, ok := n.(*ast.SelectorExpr); ok {
				if of, ok := selector.X.(*ast.Ident); ok && of.Name == imported {
					used[selector.Sel.Name] = true
				}
			}
			return true
		})
	})
	return used, err
}

// importedAs is the name under which a file imports the catalogue; "" if it does not.
func importedAs(file *ast.File) string {
	for _, spec := range file.Imports {
		switch {
		case spec.Path.Value != strconv.Quote(cataloguePath):
		case spec.Name != nil:
			return spec.Name.Name
		default:
			return path.Base(cataloguePath)
		}
	}
	return ""
}

// instruments are the methods of a meter that make one.
var instruments = regexp.MustCompile(`^(Int64|Float64)(Observable)?(Counter|UpDownCounter|Gauge|Histogram)$`)

// madeByHand lists the production code under the folders that makes an instrument from a
// name of its own, as "file:line".
func madeByHand(root string, folders ...string) (found []string, err error) {
	err = eachSource(root, folders, func(short string, set *token.FileSet, file *ast.File) {
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) == 0 {
				return true
			}
			selector, ok := call.Fun.(*ast.SelectorExpr)
			_, literal := call.Args[0].(*ast.BasicLit)
			if ok && literal && instruments.MatchString(selector.Sel.Name) {
				found = append(found, fmt.Sprintf("%s:%d", short, set.Position(call.Pos()).Line))
			}
			return true
		})
	})
	return found, err
}

// eachSource parses the production code under the folders.
func eachSource(root string, folders []string, look func(short string, set *token.FileSet, file *ast.File)) error {
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
			set := token.NewFileSet()
			parsed, err := parser.ParseFile(set, file, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			short, err := filepath.Rel(root, file)
			look(short, set, parsed)
			return err
		})
		if err != nil {
			return fmt.Errorf("reading the code that makes metrics: %w", err)
		}
	}
	return nil
}
