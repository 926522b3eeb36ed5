package schemas

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// TestEventTypes: each type is read back as what it was written, and its contract
// has a schema.
func TestEventTypes(t *testing.T) {
	t.Parallel()
	types, contracts := EventTypes()
	if len(types) < 30 {
		t.Errorf("there are %d types, which is too few", len(types))
	}
	for _, typ := range types {
		contract, kind, ok := ParseEventType([]byte(EventTypeHeader(typ)))
		if !ok || contract != contracts[typ] {
			t.Errorf("%s is read as contract %q, %v; want %q", typ, contract, ok, contracts[typ])
		}
		if family := contract + "." + kind; kind != "" && family != typ {
			t.Errorf("%s is read as %s", typ, family)
		}
		if _, err := os.Stat(contract + ".v1.schema.json"); err != nil {
			t.Errorf("%s: %v", typ, err)
		}
	}
	for _, bad := range []string{"", "report.chunk", "dev.tapline.report.chunk", "dev.tapline.report.v1", "dev.tapline.report.tpyo.v1", "dev.tapline.extract.chunk.v1"} {
		if contract, _, ok := ParseEventType([]byte(bad)); ok {
			t.Errorf("%q is read as %s", bad, contract)
		}
	}
}

// TestEveryReportHasAType: of each kind of report there is an example, and a type that
// readers of the topic know.
func TestEveryReportHasAType(t *testing.T) {
	t.Parallel()
	examples, _ := filepath.Glob(filepath.Join("testdata", "report.v1.*.golden.json"))
	for _, example := range examples {
		raw, err := os.ReadFile(example)
		if err != nil {
			t.Fatal(err)
		}
		var r Report
		if err := json.Unmarshal(raw, &r); err != nil {
			t.Fatal(err)
		}
		if _, kind, ok := ParseEventType([]byte(EventTypeHeader(EventReport(r.Kind)))); !ok || kind != r.Kind {
			t.Errorf("%s: the kind %q is in no list of event types", example, r.Kind)
		}
	}
}
