package api

import (
	"context"
	"math"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tapline.dev/domain/listing"
	"tapline.dev/domain/projection"
	"tapline.dev/schemas"
)

// statsDays are the periods that statistics are given for.
var statsDays = []int{7, 30, 90}

// maxStatsRuns bounds how many runs statistics are computed from: more than a run every
// quarter of an hour makes in 90 days.
const maxStatsRuns = 20_000

// Stats are figures of an import over its runs.
type Stats struct {
	Import           string     `json:"import"`
	FreshnessSeconds *float64   `json:"freshnessSeconds,omitempty" doc:"Now less the watermark; absent without one"`
	Cost             *Cost      `json:"cost,omitempty" doc:"At Snowflake; absent as long as no run has asked it"`
	Periods          []Period   `json:"periods" doc:"The last 7, 30 and 90 days, by when runs started"`
	Days             []StatsDay `json:"days" doc:"Days in UTC on which runs started, oldest first"`
	Truncated        bool       `json:"truncated" doc:"There are more runs than were looked at: the newest count"`
}

// Period is what the runs of a period came to.
type Period struct {
	Days        int              `json:"days"`
	Runs        int              `json:"runs"`
	ByState     map[string]int   `json:"byState"`
	Volumes     Volumes          `json:"volumes"`
	Equation    string           `json:"equation" doc:"What became of the rows read, in one line"`
	RejectRatio float64          `json:"rejectRatio" doc:"Rejected and still rejected, of the rows read"`
	Duration    *DurationFigures `json:"duration,omitempty" doc:"Of the runs that succeeded; absent if none did"`
}

// DurationFigures are percentiles of durations, in seconds, by the nearest rank.
type DurationFigures struct {
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
	Max float64 `json:"max"`
}

// Volumes are sums over runs.
type Volumes struct {
	Read      int64 `json:"read"`
	Loaded    int64 `json:"loaded"`
	Unchanged int64 `json:"unchanged"`
	Rejected  int64 `json:"rejected"`
	Skipped   int64 `json:"skipped"`
	Future    int64 `json:"future"`
}

func (v *Volumes) add(f *schemas.RunFigures, read int64) {
	v.Read += read
	v.Loaded += f.Successful
	v.Unchanged += f.Unchanged
	v.Rejected += f.Failed
	v.Skipped += f.Skipped
	v.Future += f.Future
}

// StatsDay is what the runs of a day came to.
type StatsDay struct {
	Day     string  `json:"day" doc:"Such as 2026-11-24"`
	Runs    int     `json:"runs"`
	Failed  int     `json:"failed" doc:"Runs that failed"`
	Volumes Volumes `json:"volumes"`
}

type statsOutput struct {
	SourceHeader
	Body Stats
}

func (h *handlers) registerStats(api huma.API) {
	huma.Register(api, huma.Operation{
		OperationID: "get-import-stats", Method: http.MethodGet, Path: "/v1/imports/{import}/stats",
		Summary: "Read an import's volumes, reject ratio, freshness and durations over the last 7, 30 and 90 days",
		Errors:  []int{http.StatusNotFound, http.StatusServiceUnavailable},
	}, h.importStats)
}

func (h *handlers) importStats(ctx context.Context, in *ImportPath) (*statsOutput, error) {
	d, ok := h.Catalog.Import(in.Import)
	if !ok {
		return nil, h.noImport(ctx, in.Import)
	}
	now, out := h.Now(), &statsOutput{}
	since := now.AddDate(0, 0, -slices.Max(statsDays))
	query := projection.Query{Import: in.Import, Limit: maxStatsRuns, Match: func(r schemas.Run) bool { return !r.StartedAt.Before(since) }}
	page, err := h.Projection.Runs(ctx, query)
	if err != nil {
		h.logFailure(ctx, codeRedis, err)
		out.Source = sourceLog
		if page, err = h.runsFromLog(ctx, query, since); err != nil {
			return nil, h.kafkaFailed(ctx, err)
		}
	}
	out.Body = statsOf(in.Import, page.Runs, now)
	out.Body.Cost = costOf(page.Runs, h.runsPerDay(d))
	out.Body.Truncated = page.NextToken != ""
	state, _ := h.Catalog.State(in.Import)
	row := schemas.Listing{Watermark: state.Watermark}
	listing.Complete(&row, d, state, now)
	out.Body.FreshnessSeconds = row.FreshnessSeconds
	return out, nil
}

func statsOf(importName string, runs []schemas.Run, now time.Time) Stats {
	out := Stats{Import: importName, Periods: []Period{}, Days: []StatsDay{}}
	for _, days := range statsDays {
		out.Periods = append(out.Periods, periodOf(days, runs, now))
	}
	for _, r := range slices.Backward(runs) {
		day := r.StartedAt.UTC().Format(time.DateOnly)
		if n := len(out.Days); n == 0 || out.Days[n-1].Day != day {
			out.Days = append(out.Days, StatsDay{Day: day})
		}
		d := &out.Days[len(out.Days)-1]
		d.Runs++
		if r.State == schemas.StateFailed {
			d.Failed++
		}
		d.Volumes.add(listing.Figures(r, now), r.Counts.Read)
	}
	return out
}

func periodOf(days int, runs []schemas.Run, now time.Time) Period {
	p := Period{Days: days, ByState: map[string]int{}}
	var took []float64
	for _, r := range runs {
		if r.StartedAt.Before(now.AddDate(0, 0, -days)) {
			continue
		}
		f := listing.Figures(r, now)
		p.Runs++
		p.ByState[r.State]++
		p.Volumes.add(f, r.Counts.Read)
		if listing.Succeeded(r.State) {
			took = append(took, f.Seconds)
		}
	}
	v := p.Volumes
	p.Equation = listing.Equation(v.Read, v.Loaded, v.Unchanged, v.Rejected, v.Skipped, v.Future)
	if p.Volumes.Read > 0 {
		p.RejectRatio = float64(p.Volumes.Rejected) / float64(p.Volumes.Read)
	}
	if len(took) > 0 {
		slices.Sort(took)
		p.Duration = &DurationFigures{P50: percentile(took, 0.5), P95: percentile(took, 0.95), Max: took[len(took)-1]}
	}
	return p
}

// percentile is the nearest rank among sorted values, of which there is one at least.
func percentile(sorted []float64, q float64) float64 {
	return sorted[max(int(math.Ceil(q*float64(len(sorted))))-1, 0)]
}
