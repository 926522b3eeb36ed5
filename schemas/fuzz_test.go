package schemas

import "testing"

// FuzzIDs: an id that is read is written as the same text, and any other is refused.
func FuzzIDs(f *testing.F) {
	for _, s := range []string{"1.1.1", "customers.42", "customers.d3", "customers.p481516", "1..1", ".", "a.-1", "a.+1", "01.1.1", "999999999999999999.1.1", "a.b.1", "a.1\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if id, ok := ParseRowID([]byte(s)); ok {
			again, ok := ParseRowID([]byte(id.String()))
			if !ok || again != id {
				t.Fatalf("%q is %+v, then %+v", s, id, again)
			}
		}
		name, number, err := ParseRunID(s)
		if err != nil {
			return
		}
		written := RunID(name, number)
		if IsDryRun(s) {
			written = DryRunID(name, number)
		}
		if !IsPreview(s) && written != s {
			t.Fatalf("%q is run %d of %q, which is written %q", s, number, name, written)
		}
	})
}
