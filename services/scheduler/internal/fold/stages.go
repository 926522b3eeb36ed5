package fold

import "tapline.dev/schemas"

// noteStage notes when a stage was at work, by the clock of the service that reports.
// Waiting reports and heartbeats are no work.
func noteStage(f *schemas.Fold, r *schemas.Report) {
	var stage string
	switch {
	case r.Started != nil, r.Chunk != nil, r.Final != nil:
		stage = schemas.StageExtract
	case r.Mapped != nil:
		stage = schemas.StageMap
	case r.Intent != nil, r.Receipt != nil:
		stage = schemas.StageLoad
	}
	if stage == "" || r.Time.IsZero() {
		return
	}
	if f.Stages == nil {
		f.Stages = map[string]schemas.StageTimes{}
	}
	t, known := f.Stages[stage]
	if !known || r.Time.Before(t.First) {
		t.First = r.Time
	}
	if r.Time.After(t.Last) {
		t.Last = r.Time
	}
	f.Stages[stage] = t
}
