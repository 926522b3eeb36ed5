package plan

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/failure"
)

func wide(r *rand.Rand, n int) []schemas.Column {
	types := []string{"FIXED", "REAL", "TEXT", "BOOLEAN", "DATE", "TIMESTAMP_TZ", "TIMESTAMP_NTZ", "TIME", "BINARY", "VARIANT"}
	names := []string{"F", "FEATURE", `"`, "Ü", "\x01", "<&>"}
	out := make([]schemas.Column, n)
	for i := range out {
		out[i] = schemas.Column{
			Name: strings.Repeat(names[r.IntN(len(names))], 1+r.IntN(40)) + fmt.Sprint(i), Type: types[r.IntN(len(types))],
			Precision: r.IntN(39), Scale: r.IntN(38), Nullable: r.IntN(2) == 0,
		}
	}
	return out
}

// TestWhatFitsCanBeWritten: no record that describes columns which fit is larger
// than a record may be.
func TestWhatFitsCanBeWritten(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	refused, fitted := 0, 0
	for range 60 {
		maxRecord := []int{9_000, 60_000, 1_000_000}[r.IntN(3)]
		columns := wide(r, 1+r.IntN(maxRecord/60))
		err := Fits(columns, maxRecord)
		if err != nil {
			var f *failure.Error
			if !errors.As(err, &f) || f.Code != failure.CodeTooManyColumns || !f.Permanent {
				t.Fatalf("refused with %v", err)
			}
			refused++
			continue
		}
		fitted++
		nulls := make([]int64, len(columns))
		for i := range nulls {
			nulls[i] = schemas.MaxPreviewRows
		}
		for name, record := range map[string]any{
			"row schema": RowSchema(strings.Repeat("i", 100), schemas.ActiveRun{Run: strings.Repeat("i", 100) + ".1000000"}, nil, columns, "2026-11-23T10:00:00.000000000"),
			"start":      schemas.Report{Started: &schemas.Started{QueryID: strings.Repeat("q", 40), Columns: columns}},
			"preview":    schemas.Report{Preview: &schemas.Preview{Columns: columns, Nulls: nulls}},
		} {
			text, err := json.Marshal(record)
			if err != nil {
				t.Fatal(err)
			}
			if len(text) > maxRecord {
				t.Errorf("%d columns fit into %d bytes, and their %s takes %d", len(columns), maxRecord, name, len(text))
			}
		}
	}
	if refused == 0 || fitted == 0 {
		t.Errorf("%d refused, %d fitted: one side was not tried", refused, fitted)
	}
}
