package metrics

import "strings"

// Kind is how a metric behaves.
type Kind string

// Kinds of metrics. A gauge is a state: it may fall. A counter only rises, and is 0 when
// its process starts.
const (
	Counter   Kind = "counter"
	Gauge     Kind = "gauge"
	Histogram Kind = "histogram"
)

// Units, in UCUM's spelling. What stands in braces counts things and is not part of the
// name at Prometheus.
const (
	Seconds = "s"
	Bytes   = "By"
	Ratio   = "1"
	Records = "{record}"
	None    = ""
)

// Metric describes one metric.
type Metric struct {
	Name   string
	Kind   Kind
	Unit   string
	Labels []Label
	// Services export it; all of them if it is empty.
	Services []string
	Help     string
}

// Label is one label of a metric, with what it can be.
type Label struct {
	Name string
	// Values are all that the label can be; nil if Of says what bounds it.
	Values []string
	Of     string
}

// Prometheus is the name under which Prometheus sees the metric. A histogram has the
// series _bucket, _sum and _count of it.
func (m Metric) Prometheus() string {
	name := strings.NewReplacer(".", "_", "-", "_").Replace(m.Name)
	switch m.Unit {
	case Seconds:
		name += "_seconds"
	case Bytes:
		name += "_bytes"
	case Ratio:
		if m.Kind == Gauge {
			name += "_ratio"
		}
	}
	if m.Kind == Counter {
		name += "_total"
	}
	return name
}

// Series are the names of the metric's series at Prometheus.
func (m Metric) Series() []string {
	name := m.Prometheus()
	if m.Kind == Histogram {
		return []string{name + "_bucket", name + "_sum", name + "_count"}
	}
	return []string{name}
}

// Others is the value of the label import for all imports beyond the configured number.
const Others = "_others"
