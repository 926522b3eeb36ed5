package extractor

import (
	"fmt"
	"strings"
	"testing"

	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/failure"
)

// TestATableThatIsTooWide: the run ends before a statement is run, and so does the
// preview that an apply asks for.
func TestATableThatIsTooWide(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{schemas.ModeFull, schemas.ModePreview, schemas.ModeDryRun} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, customers(5)...)
			for i := range 6000 {
				w.db.columns = append(w.db.columns, schemas.Column{Name: fmt.Sprintf("FEATURE_%05d_XXXXXX", i), Type: "REAL", Nullable: true})
			}
			if mode == schemas.ModeFull {
				w.activate(nil)
			} else {
				w.trial(mode, 10, nil)
			}
			w.extract(w.start())
			got := w.last(schemas.ReportAbandoned).Abandoned
			if got.Code != failure.CodeTooManyColumns || !got.Permanent || !strings.Contains(got.Reason, "6003 columns") {
				t.Errorf("abandoned as %+v", got)
			}
			if len(w.db.statements) != 0 {
				t.Errorf("%d statements were run", len(w.db.statements))
			}
		})
	}
}
