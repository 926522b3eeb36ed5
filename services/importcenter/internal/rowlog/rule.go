package rowlog

import (
	"slices"

	"tapline.dev/domain/mapping"
	"tapline.dev/schemas"
)

// Rule is the mapping of one attempt of a run.
type Rule struct {
	Mapping *mapping.Mapping
	Clock   int64 // seconds
}

// skipMeaning says what each reason of a skip means.
var skipMeaning = map[string]string{
	schemas.SkipClosed:           "the attempt that it belongs to had ended",
	schemas.SkipCancelled:        "the run was cancelled before it was sent",
	schemas.SkipStopped:          "the run had failed before it was sent",
	schemas.SkipSuperseded:       "a newer row of the identity was sent",
	schemas.SkipOutsideRetention: "the event is older than the account keeps events",
	schemas.SkipSuppressed:       "the person is suppressed: nothing of them is sent to the account",
}

// skipped returns why a mapper has skipped a row of a stretch, or "" if it did not. If the
// run was over, the mapper skipped every row. Otherwise it skipped the rows of suppressed
// people, which the report names, and events older than the account keeps, which the
// mapping finds again here.
func (r *Rule) skipped(m *schemas.Mapped, id schemas.RowID, row []byte) string {
	if slices.Contains(m.Suppressed, id.Seq) {
		return schemas.SkipSuppressed
	}
	for reason := range m.Skipped {
		if reason != schemas.SkipSuppressed && reason != schemas.SkipOutsideRetention {
			return reason
		}
	}
	if m.Skipped[schemas.SkipOutsideRetention] == 0 || r == nil {
		return ""
	}
	if _, rejects := r.Mapping.Map(nil, row, r.Clock); len(rejects) > 0 && rejects[0].Skip {
		return schemas.SkipOutsideRetention
	}
	return ""
}
