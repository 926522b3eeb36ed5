package generate

import (
	"errors"
	"fmt"
	"regexp"
	"slices"

	"tapline.dev/schemas/metrics"
)

// A metric of Tapline's or of OpenTelemetry's conventions, in Prometheus' spelling.
var named = regexp.MustCompile(`\b(tapline|messaging|go|process)_[a-z0-9_]+`)

// Known fails if a file names a metric that no program exports: such an alert would never
// fire, and such a panel would stay empty.
func Known(files map[string][]byte) error {
	known := map[string]bool{}
	for _, name := range metrics.Foreign() {
		known[name] = true
	}
	for _, m := range metrics.Catalogue() {
		for _, series := range m.Series() {
			known[series] = true
		}
	}
	var errs []error
	for path, text := range files {
		for _, name := range slices.Compact(slices.Sorted(slices.Values(named.FindAllString(string(text), -1)))) {
			if !known[name] && name != "go_version" && name != "messaging_system" {
				errs = append(errs, fmt.Errorf("%s names the metric %s, which schemas/metrics does not have", path, name))
			}
		}
	}
	return errors.Join(errs...)
}
