package schemas

import (
	"os"
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
