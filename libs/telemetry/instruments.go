package telemetry

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"tapline.dev/schemas/metrics"
)

// Instruments makes instruments from the catalogue of metrics, which alone knows their
// names, units and descriptions. Err says what could not be made.
type Instruments struct {
	meter metric.Meter
	errs  []error
}

// NewInstruments makes instruments of one meter.
func NewInstruments(meter metric.Meter) *Instruments { return &Instruments{meter: meter} }

// Err returns what could not be made.
func (i *Instruments) Err() error {
	if err := errors.Join(i.errs...); err != nil {
		return fmt.Errorf("making instruments: %w", err)
	}
	return nil
}

// Counter makes a counter of whole things.
func (i *Instruments) Counter(m metrics.Metric) metric.Int64Counter {
	c, err := i.meter.Int64Counter(m.Name, metric.WithUnit(m.Unit), metric.WithDescription(m.Help))
	i.made(m, metrics.Counter, err)
	return c
}

// Changing makes a gauge that is changed by differences.
func (i *Instruments) Changing(m metrics.Metric) metric.Int64UpDownCounter {
	c, err := i.meter.Int64UpDownCounter(m.Name, metric.WithUnit(m.Unit), metric.WithDescription(m.Help))
	i.made(m, metrics.Gauge, err)
	return c
}

// Gauge makes a gauge that is set.
func (i *Instruments) Gauge(m metrics.Metric) metric.Float64Gauge {
	g, err := i.meter.Float64Gauge(m.Name, metric.WithUnit(m.Unit), metric.WithDescription(m.Help))
	i.made(m, metrics.Gauge, err)
	return g
}

// Histogram makes a histogram.
func (i *Instruments) Histogram(m metrics.Metric) metric.Float64Histogram {
	h, err := i.meter.Float64Histogram(m.Name, metric.WithUnit(m.Unit), metric.WithDescription(m.Help))
	i.made(m, metrics.Histogram, err)
	return h
}

// Observe lets observe say the values of gauges and counters at each look. A series that
// it does not name at a look ends: so a state exists as long as the thing that it is of.
// Stop ends the looks.
func (i *Instruments) Observe(observe func(Observer), of ...metrics.Metric) (stop func()) {
	instruments := map[string]metric.Float64Observable{}
	var all []metric.Observable
	for _, m := range of {
		var o metric.Float64Observable
		var err error
		kind := metrics.Gauge
		if m.Kind == metrics.Counter {
			kind = metrics.Counter
			o, err = i.meter.Float64ObservableCounter(m.Name, metric.WithUnit(m.Unit), metric.WithDescription(m.Help))
		} else {
			o, err = i.meter.Float64ObservableGauge(m.Name, metric.WithUnit(m.Unit), metric.WithDescription(m.Help))
		}
		i.made(m, kind, err)
		instruments[m.Name] = o
		all = append(all, o)
	}
	registration, err := i.meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		observe(Observer{o, instruments})
		return nil
	}, all...)
	if err != nil {
		i.errs = append(i.errs, err)
		return func() {}
	}
	return func() { _ = registration.Unregister() } // it fails only for a meter that is gone
}

func (i *Instruments) made(m metrics.Metric, as metrics.Kind, err error) {
	if m.Kind != as {
		err = errors.Join(err, fmt.Errorf("metric %s is a %s and is made as a %s", m.Name, m.Kind, as))
	}
	i.errs = append(i.errs, err)
}

// Observer takes the values of one look.
type Observer struct {
	to          metric.Observer
	instruments map[string]metric.Float64Observable
}

// Set says the value of one series. A metric that Observe was not told of is left out.
func (o Observer) Set(m metrics.Metric, value float64, labels ...attribute.KeyValue) {
	if instrument, ok := o.instruments[m.Name]; ok {
		o.to.ObserveFloat64(instrument, value, metric.WithAttributes(labels...))
	}
}
