package fold

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/schemas"
)

func TestCompare(t *testing.T) {
	t.Parallel()
	before := []schemas.Column{
		{Name: "ID", Type: "FIXED", Precision: 38}, {Name: "PLAN", Type: "TEXT"}, {Name: "AT", Type: "TIMESTAMP_NTZ", Scale: 9}, {Name: "GONE", Type: "REAL"},
	}
	now := []schemas.Column{
		{Name: "ID", Type: "FIXED", Precision: 38, Scale: 2}, {Name: "AT", Type: "TIMESTAMP_NTZ", Scale: 9, Nullable: true}, {Name: "PLAN", Type: "TEXT"}, {Name: "NEW", Type: "DATE"},
	}
	for name, tt := range map[string]struct {
		before, now []schemas.Column
		gone        []string
		want        []string
	}{
		"changed":            {before, now, nil, []string{"column ID was NUMBER(38,0) and is NUMBER(38,2) now", "column GONE is gone", "column NEW is new: DATE"}},
		"the same":           {before, before, nil, nil},
		"no run before":      {nil, now, nil, nil},
		"only the statement": {before, nil, nil, nil},
		"gone on without it": {before, before[:3], []string{"GONE", "EARLIER"}, []string{"column GONE is gone: the lines of the mapping that read it are left out", "column EARLIER is gone: the lines of the mapping that read it are left out"}},
	} {
		f := New("customers.2", "customers", 1, time.Time{})
		f.Started = &schemas.Started{Columns: tt.now, Gone: tt.gone}
		Compare(f, tt.before)
		if diff := cmp.Diff(tt.want, f.Changed); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestLateNotes(t *testing.T) {
	t.Parallel()
	a := &schemas.ActiveRun{WatermarkFrom: "2026-11-23T09:45:00.000000000"}
	for name, tt := range map[string]struct {
		late *schemas.Late
		want []string
	}{
		"not looked for": {nil, nil},
		"none":           {&schemas.Late{}, nil},
		"unknown":        {&schemas.Late{Unknown: true}, []string{"late rows were not looked for: the row counts of the run before are missing"}},
		"some": {&schemas.Late{Rows: 12, Hours: 2, Oldest: "2026-11-23T06:00:00.000000000"}, []string{
			"12 rows had appeared behind the watermark since the run before, in 2 hours or days of their cursor; these were read again. A lookback of 4h would have covered them",
		}},
	} {
		f := New("customers.2", "customers", 1, time.Time{})
		f.Started = &schemas.Started{Lookback: schemas.Duration(15 * time.Minute), Late: tt.late}
		if diff := cmp.Diff(tt.want, lateNotes(f, a)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
