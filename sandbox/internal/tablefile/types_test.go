package tablefile

import "testing"

// TestNumbersKeepTheirDigits: a column is FLOAT only if a FLOAT holds each of its numbers to
// the last digit that is written.
func TestNumbersKeepTheirDigits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		cells          []string
		inJSON, inText string
	}{
		{[]string{"1", "2.50"}, "NUMBER(38,2)", "NUMBER(38,2)"},
		{[]string{"1e3", "2.5"}, "FLOAT", "FLOAT"},
		{[]string{"1.7976931348623157e308", "-5e-324", "0e0", "0.1"}, "FLOAT", "FLOAT"},
		{[]string{"1e3", "12345678901234567890"}, "VARIANT", "VARCHAR"},
		{[]string{"12345678901234567890.12", "1e400"}, "VARIANT", "VARCHAR"},
		{[]string{"1e-400"}, "VARIANT", "VARCHAR"},
		{[]string{"1.00000000000000001e0"}, "VARIANT", "VARCHAR"},
		{[]string{"123456789012345678901234567890123456789"}, "VARIANT", "VARCHAR"},
	} {
		for isJSON, want := range map[bool]string{true: c.inJSON, false: c.inText} {
			var k kinds
			for _, cell := range c.cells {
				k.see(cell, isJSON)
			}
			if got := k.typ(); got != want {
				t.Errorf("%q, in JSON %v: %s, want %s", c.cells, isJSON, got, want)
			}
		}
	}
}
