package telemetry

import (
	"sync"

	"go.opentelemetry.io/otel/attribute"

	"tapline.dev/schemas/metrics"
)

// DefaultImports is how many imports have series of their own where nothing is set.
const DefaultImports = 1000

// names bounds the values of a label: the first ones keep their own, those that come
// later share one. A name keeps what it got, so that no counter jumps.
type names struct {
	most int

	mu    sync.Mutex
	known map[string]bool
}

func newNames(most int) *names {
	if most == 0 {
		most = DefaultImports
	}
	return &names{most: most, known: map[string]bool{}}
}

func (n *names) of(name string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.known[name] {
		if len(n.known) >= n.most {
			return metrics.Others
		}
		n.known[name] = true
	}
	return name
}

// ImportLabel is the label of an import: its name, or metrics.Others for imports beyond
// Settings.Imports.
func (t *Telemetry) ImportLabel(name string) attribute.KeyValue {
	if t.imports == nil { // telemetry that goes nowhere
		return attribute.String("import", name)
	}
	return attribute.String("import", t.imports.of(name))
}
