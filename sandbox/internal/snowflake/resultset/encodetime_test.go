package resultset

import (
	"testing"

	"github.com/apache/arrow-go/v18/arrow/array"
)

// A NULL moves none of the values behind it.
func TestInstantsAfterNulls(t *testing.T) {
	t.Parallel()
	b := newInstantBuilder(true)
	b.append(true, 0, 0, 0)
	b.append(false, 7, 8, 9)
	b.append(true, 0, 0, 0)
	b.append(false, 10, 11, 12)
	got, ok := b.finish().(*array.Struct)
	if !ok || got.Len() != 4 || got.NullN() != 2 {
		t.Fatalf("built %v", got)
	}
	for field, want := range [][]int64{{7, 10}, {8, 11}, {1449, 1452}} {
		for i, row := range []int{1, 3} {
			var value int64
			switch col := got.Field(field).(type) {
			case *array.Int64:
				value = col.Value(row)
			case *array.Int32:
				value = int64(col.Value(row))
			}
			if got.Field(field).Len() != 4 || got.Field(field).IsNull(row) || value != want[i] {
				t.Errorf("field %d of row %d is %d, want %d", field, row, value, want[i])
			}
		}
	}
}
