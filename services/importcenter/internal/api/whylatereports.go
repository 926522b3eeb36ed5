package api

import (
	"context"
	"strconv"
	"time"

	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/whylate"
)

// recentReports gathers what an explanation takes from the newest reports.
type recentReports struct {
	run     *schemas.ActiveRun
	last    map[string]time.Time
	newest  schemas.Report // of the run's extractor
	mapped  int64
	settled int64
	open    map[string]string // upload and partition → import
}

func newRecentReports(run *schemas.ActiveRun) *recentReports {
	return &recentReports{run: run, last: map[string]time.Time{}, open: map[string]string{}}
}

func (s *recentReports) take(r schemas.Report) {
	switch {
	case r.Intent != nil:
		key := uploadKey(r.Run, r.Intent.Upload, r.Intent.Partition)
		if r.Intent.Withdrawn {
			delete(s.open, key)
		} else {
			s.open[key] = r.Import
		}
	case r.Receipt != nil:
		delete(s.open, uploadKey(r.Run, r.Receipt.Upload, r.Receipt.Partition))
	}
	if r.Run != s.run.Run || r.Attempt != s.run.Attempt {
		return
	}
	stage := stageOf(r)
	if stage != "" && r.Time.After(s.last[stage]) {
		s.last[stage] = r.Time
	}
	switch {
	case stage == schemas.StageExtract:
		s.newest = r
	case r.Mapped != nil:
		s.mapped += r.Mapped.Mapped + sum(r.Mapped.RejectsByCode) + sum(r.Mapped.Skipped)
	case r.Receipt != nil:
		s.settled += int64(r.Receipt.Records)
	}
}

func uploadKey(run, upload string, partition int32) string {
	return run + "/" + upload + "/" + strconv.Itoa(int(partition))
}

func stageOf(r schemas.Report) string {
	switch r.Kind {
	case schemas.ReportStarted, schemas.ReportHeartbeat, schemas.ReportChunk, schemas.ReportFinal, schemas.ReportAbandoned, schemas.ReportHeld, schemas.ReportTaken:
		return schemas.StageExtract
	case schemas.ReportMapped:
		return schemas.StageMap
	case schemas.ReportIntent, schemas.ReportReceipt:
		return schemas.StageLoad
	}
	return ""
}

// recent is what was gathered. Imports that the caller may not see are counted together.
func (s *recentReports) recent(ctx context.Context, h *handlers) *whylate.Recent {
	out := &whylate.Recent{Window: whyLateWindow, Last: s.last, Statement: s.newest.Statement, Mapped: s.mapped, Settled: s.settled, InFlight: map[string]int{}}
	for _, name := range s.open {
		out.InFlight[h.nameOf(ctx, name)]++
	}
	return out
}

func sum(counts map[string]int64) (n int64) {
	for _, c := range counts {
		n += c
	}
	return n
}
