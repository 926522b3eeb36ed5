package mappingtest

import (
	"encoding/json"
	"math/rand/v2"
	"testing"

	"tapline.dev/domain/mapping"
)

const (
	imports = 200
	rows    = 25
)

// TestValidRowsPass: of rows that are valid by construction, none is rejected.
func TestValidRowsPass(t *testing.T) {
	t.Parallel()
	for seed := range uint64(imports) {
		i := New(rand.New(rand.NewPCG(seed, 1)), true)
		m, problems := mapping.Compile(i.Spec, i.Columns, i.Options)
		if problems != nil {
			t.Fatalf("seed %d: %v", seed, problems)
		}
		var record []byte
		for range rows {
			row := i.Row()
			var rejects []mapping.Reject
			if record, rejects = m.Map(record[:0], row, 1_700_000_000); rejects != nil {
				t.Fatalf("seed %d: %+v\nrow %s", seed, rejects, row)
			}
			if !json.Valid(record) {
				t.Fatalf("seed %d: %s became %s", seed, row, record)
			}
		}
	}
}

// TestAnyRows: whatever a row holds, the mapping rejects it or makes JSON of it.
// Both must happen.
func TestAnyRows(t *testing.T) {
	t.Parallel()
	mapped, rejected := 0, map[string]int{}
	for seed := range uint64(imports) {
		i := New(rand.New(rand.NewPCG(seed, 2)), false)
		m, problems := mapping.Compile(i.Spec, i.Columns, i.Options)
		if problems != nil {
			t.Fatalf("seed %d: %v", seed, problems)
		}
		for range rows {
			record, rejects := m.Map(nil, i.Row(), 1_700_000_000)
			if len(rejects) > 0 {
				rejected[rejects[0].Code]++
				continue
			}
			mapped++
			if !json.Valid(record) {
				t.Fatalf("seed %d: %s", seed, record)
			}
		}
	}
	if mapped < imports*rows/10 || len(rejected) < 20 {
		t.Errorf("%d rows were mapped, rejects by code are %v", mapped, rejected)
	}
}
