package control_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"tapline.dev/domain/control"
	"tapline.dev/schemas"
)

// A reject carries a row that was just small enough for Kafka, so that the
// reject's own encoding must not make it larger: no retry would ever get it
// through.
func TestARejectCarriesItsRowByteForByte(t *testing.T) {
	t.Parallel()
	row := json.RawMessage(`{"HTML":"` + strings.Repeat("<b>&\u2028</b>", 1000) + `"}`)
	rec, err := control.Reject("rejects", schemas.Reject{Import: "customers", Run: "customers.1", Code: "row_unreadable", Row: row}, "mapper")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(rec.Value, row) {
		t.Errorf("the row of %d bytes became part of a reject of %d bytes and is not in it as it was", len(row), len(rec.Value))
	}
	if rec.Value[len(rec.Value)-1] != '}' {
		t.Errorf("the value ends with %q", rec.Value[len(rec.Value)-1])
	}
}
