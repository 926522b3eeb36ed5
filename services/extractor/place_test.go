package extractor

import (
	"context"
	"testing"

	"tapline.dev/schemas"
)

// TestARunReadsFromItsPlaceOnly: an attempt reports the source that it finds, and does not
// read if that is not the run's.
func TestARunReadsFromItsPlaceOnly(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		place *schemas.Place
		told  bool
		code  string
	}{
		"nothing to compare":   {nil, false, ""},
		"nobody knows it yet":  {&schemas.Place{}, true, ""},
		"it is another source": {&schemas.Place{Source: "another"}, true, "source_changed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			s := w.start()
			w.activate(func(a *schemas.ActiveRun) { a.Place = c.place })
			w.extract(s)
			told := ""
			for _, r := range w.reports() {
				if r.Resolved != nil && r.Resolved.Stage == schemas.StageExtract {
					told = r.Resolved.Place
				}
			}
			if (told != "") != c.told {
				t.Errorf("the place %q was reported", told)
			}
			if c.code == "" {
				if w.last(schemas.ReportFinal).Final == nil {
					t.Error("the attempt did not end")
				}
				return
			}
			if ab := w.last(schemas.ReportAbandoned).Abandoned; ab.Code != c.code || !ab.Permanent || len(w.db.statements) > 0 {
				t.Errorf("abandoned with %+v after %d statements", ab, len(w.db.statements))
			}
		})
	}
}

// TestAStartingRunIsToldItsSource before anything is triggered, and nothing is
// read meanwhile.
func TestAStartingRunIsToldItsSource(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, _ := w.service()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	w.activate(func(a *schemas.ActiveRun) { a.State, a.Place = schemas.StateStarting, &schemas.Place{} })
	w.await(func() bool {
		reports := w.reports()
		return len(reports) > 0 && reports[0].Resolved != nil && reports[0].Resolved.Place != ""
	})
	if len(w.db.statements) > 0 || len(w.reports()) != 1 {
		t.Errorf("%d statements, reports %+v", len(w.db.statements), w.reports())
	}
}
