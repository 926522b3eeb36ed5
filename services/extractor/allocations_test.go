package extractor

import "testing"

// TestARowCostsOneObject: what a chunk allocates is slabs, a few objects for each batch of
// it, and for each row the text of its cursor.
func TestARowCostsOneObject(t *testing.T) {
	if raced {
		t.Skip("the race detector allocates for itself: make test-large runs it without")
	}
	prep, data := preparer(t)
	i := 0
	allocations := testing.AllocsPerRun(5, func() {
		c, err := prep.Prepare(t.Context(), i, data)
		if err != nil || len(c.Records()) != preparedRows {
			t.Fatal(err)
		}
		i++
	})
	if most := float64(preparedRows + preparedRows/20); allocations > most {
		t.Errorf("%v objects for a chunk of %d rows, want at most %v", allocations, preparedRows, most)
	}
}
