// The reference program writes the pages of docs/reference from the code: the
// configuration keys of each service, the metrics, the codes of errors and the
// topics. Run it by `make docs`; a test fails while a page differs from the code.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"tapline.dev/tests/harness"
)

func main() {
	if err := write(harness.Root()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func write(root string) error {
	pages, err := pages(root)
	if err != nil {
		return err
	}
	for name, text := range pages {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
			return fmt.Errorf("writing a page: %w", err)
		}
	}
	return nil
}

// pages returns the text of every page by its path from the root.
func pages(root string) (map[string]string, error) {
	configuration, err := configurationPage(root)
	if err != nil {
		return nil, fmt.Errorf("listing the configuration: %w", err)
	}
	keys, err := keysList()
	if err != nil {
		return nil, fmt.Errorf("listing the keys: %w", err)
	}
	topics, err := topicsPage(root)
	if err != nil {
		return nil, fmt.Errorf("listing the topics: %w", err)
	}
	failed, err := failedRowsPage(root)
	if err != nil {
		return nil, fmt.Errorf("listing the codes of rejects: %w", err)
	}
	return map[string]string{
		"docs/failed-rows.md":             failed,
		"docs/reference/configuration.md": configuration,
		"libs/daemon/keys.txt":            keys,
		"docs/reference/metrics.md":       metricsPage(),
		"docs/reference/errors.md":        errorsPage(),
		"docs/topics.md":                  topics,
	}, nil
}
