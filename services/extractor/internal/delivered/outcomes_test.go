package delivered

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/schemas"
)

// TestOutcomes: which offsets count as loaded, and which requests are open.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	rng := func(from, to int64) []schemas.Range { return []schemas.Range{{From: from, To: to}} }
	receipt := func(r schemas.Receipt) schemas.Report {
		return schemas.Report{Kind: schemas.ReportReceipt, Receipt: &r}
	}
	intent := func(from, to int64, withdrawn bool) schemas.Report {
		return schemas.Report{Kind: schemas.ReportIntent, Intent: &schemas.Intent{Ranges: rng(from, to), Withdrawn: withdrawn}}
	}
	for name, c := range map[string]struct {
		reports      []schemas.Report
		loaded, open spans
	}{
		"a receipt": {[]schemas.Report{intent(0, 9, false), receipt(schemas.Receipt{Ranges: rng(0, 9)})}, spans{{0, 9}}, nil},
		"rejects and skips": {[]schemas.Report{receipt(schemas.Receipt{
			Ranges: rng(0, 9), Rejected: []schemas.OffsetOutcome{{Offset: 3}}, Skipped: []schemas.OffsetOutcome{{Offset: 9}},
		})}, spans{{0, 2}, {4, 8}}, nil},
		"skipped whole":             {[]schemas.Report{receipt(schemas.Receipt{Ranges: rng(0, 9), SkipReason: schemas.SkipCancelled})}, nil, nil},
		"skipped, and loaded late":  {[]schemas.Report{receipt(schemas.Receipt{Ranges: rng(0, 9), SkipReason: schemas.SkipCancelled}), receipt(schemas.Receipt{Ranges: rng(2, 3)})}, spans{{2, 3}}, nil},
		"a request without receipt": {[]schemas.Report{intent(0, 9, false), receipt(schemas.Receipt{Ranges: rng(0, 4)})}, spans{{0, 4}}, spans{{5, 9}}},
		"a request withdrawn":       {[]schemas.Report{intent(0, 9, false), intent(0, 9, true)}, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOutcomes("a", []schemas.InterruptedRun{{Number: 7, Attempts: 2}})
			for _, r := range c.reports {
				// Of another import, a later attempt, and another run.
				for _, of := range []schemas.Report{{Run: "b.7", Number: 7, Attempt: 1}, {Run: "a.7", Number: 7, Attempt: 3}, {Run: "a.8", Number: 8, Attempt: 1}, {Run: "a.7", Number: 7, Attempt: 2}} {
					r.Run, r.Number, r.Attempt = of.Run, of.Number, of.Attempt
					value, err := json.Marshal(r)
					if err != nil {
						t.Fatal(err)
					}
					o.add(value)
				}
			}
			o.add([]byte("no report"))
			at := attempt{7, 2}
			if len(o.loaded) > 1 || len(o.open) > 1 {
				t.Errorf("attempts that were not asked for: %v, %v", o.loaded, o.open)
			}
			equal := cmp.AllowUnexported(span{})
			for _, d := range []string{cmp.Diff(c.loaded, orNil(o.loaded[at][0]), equal), cmp.Diff(c.open, orNil(o.open[at][0]), equal)} {
				if d != "" {
					t.Error(d)
				}
			}
		})
	}
}

func orNil(s spans) spans {
	if len(s) == 0 {
		return nil
	}
	return s
}
