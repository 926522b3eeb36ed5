package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/schemas/metrics"
	"tapline.dev/tests/harness"
)

// A metric of the catalogue that no code makes may be named by dashboards and alerts, and
// they stay silent for ever.
func TestEveryMetricOfTheCatalogueIsMade(t *testing.T) {
	t.Parallel()
	used, err := usedOfCatalogue(harness.Root(), "libs", "domain", "services", "cmd")
	if err != nil {
		t.Fatal(err)
	}
	declared, err := declaredMetrics(harness.Root())
	if err != nil {
		t.Fatal(err)
	}
	if len(declared) != len(metrics.Catalogue()) {
		t.Errorf("%d declarations are found of %d metrics", len(declared), len(metrics.Catalogue()))
	}
	for variable, name := range declared {
		if !used[variable] {
			t.Errorf("%s (metrics.%s) is in the catalogue, and no service or library refers to it: export it or take it out", name, variable)
		}
	}
}

// A metric counts as made only by production code that refers to the catalogue, under
// whatever name it imports it.
func TestUsesOfTheCatalogueAreFound(t *testing.T) {
	t.Parallel()
	used, err := usedOfCatalogue("testdata", "exported")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{"BuildInfo": true, "HealthCheck": true}
	if diff := cmp.Diff(want, used); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// An instrument that is made from a name of its own is in no document, and its unit and
// kind are in no check.
func TestInstrumentsAreMadeFromTheCatalogue(t *testing.T) {
	t.Parallel()
	found, err := madeByHand(harness.Root(), "libs", "domain", "services", "cmd")
	if err != nil {
		t.Fatal(err)
	}
	for _, place := range found {
		t.Errorf("%s makes an instrument by name: declare it in schemas/metrics and use telemetry.NewInstruments", place)
	}
	found, err = madeByHand("testdata", "exported")
	if diff := cmp.Diff([]string{"exported/byhand.go:6"}, found); err != nil || diff != "" {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
}
