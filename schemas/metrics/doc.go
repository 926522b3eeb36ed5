// Package metrics is the catalogue of every metric that Tapline exports. The services
// make their instruments from it, docs/reference/metrics.md is written from it, and
// whatever names a metric elsewhere (dashboards, alerts, runbooks, pages) is compared with
// it, so that nothing asks for a metric that the code does not have.
//
// A name is "tapline.<thing>.<what>" in OpenTelemetry's form; the unit stands in Unit.
// Labels are bounded: names of definitions, states and codes, never a value of data
// (Invariant 9).
package metrics
