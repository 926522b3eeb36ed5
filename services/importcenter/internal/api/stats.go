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
	Runs             []StatsRun `json:"runs" doc:"The newest 50 runs, oldest first"`
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
	Day              string           `json:"day" doc:"Such as 2026-11-24"`
	Runs             int              `json:"runs"`
	Failed           int              `json:"failed" doc:"Runs that failed"`
	Volumes          Volumes          `json:"volumes"`
	Health           *float64         `json:"health,omitempty" doc:"Share of the rows read that got through, as of a run; absent without rows"`
	Duration         *DurationFigures `json:"duration,omitempty" doc:"Of the runs that succeeded; absent if none did"`
	FreshnessSeconds *float64         `json:"freshnessSeconds,omitempty" doc:"The oldest that what CleverTap holds became before a run that succeeded renewed it; absent without a watermark that is an instant"`

	took    []float64
	through float64 // of Volumes.Read
}

// StatsRun is a run as a point of a chart.
type StatsRun struct {
	Run              string    `json:"run"`
	State            string    `json:"state"`
	StartedAt        time.Time `json:"startedAt"`
	Volumes          Volumes   `json:"volumes"`
	Seconds          float64   `json:"seconds" doc:"From its start to its end, or until now"`
	Health           *float64  `json:"health,omitempty" doc:"Share of the rows read that got through; absent without rows"`
	FreshnessSeconds *float64  `json:"freshnessSeconds,omitempty" doc:"How old what CleverTap holds was before it renewed it: its end less the watermark before it"`
}

// chartRuns is how many runs statistics give one by one.
const chartRuns = 50

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
	out := Stats{Import: importName, Periods: []Period{}, Days: []StatsDay{}, Runs: []StatsRun{}}
	for _, days := range statsDays {
		out.Periods = append(out.Periods, periodOf(days, runs, now))
	}
	for n, r := range slices.Backward(runs) {
		day := r.StartedAt.UTC().Format(time.DateOnly)
		if n := len(out.Days); n == 0 || out.Days[n-1].Day != day {
			out.Days = append(out.Days, StatsDay{Day: day})
		}
		point := pointOf(r, now)
		out.Days[len(out.Days)-1].add(point)
		if n < chartRuns {
			out.Runs = append(out.Runs, point)
		}
	}
	for i := range out.Days {
		out.Days[i].Duration = durationsOf(out.Days[i].took)
	}
	return out
}

func pointOf(r schemas.Run, now time.Time) StatsRun {
	f := listing.Figures(r, now)
	p := StatsRun{Run: r.Run, State: r.State, StartedAt: r.StartedAt, Seconds: f.Seconds, Health: f.Health}
	p.Volumes.add(f, r.Counts.Read)
	// Other modes than these leave the watermark where it is.
	if renews := r.Mode == schemas.ModeFull || r.Mode == schemas.ModeIncremental; renews && r.FinishedAt != nil && listing.Succeeded(r.State) {
		if before, ok := listing.WatermarkTime(r.WatermarkFrom); ok {
			seconds := max(r.FinishedAt.Sub(before).Seconds(), 0)
			p.FreshnessSeconds = &seconds
		}
	}
	return p
}

// add takes a run into its day.
func (d *StatsDay) add(r StatsRun) {
	d.Runs++
	if r.State == schemas.StateFailed {
		d.Failed++
	}
	v := &d.Volumes
	v.Read, v.Loaded, v.Unchanged = v.Read+r.Volumes.Read, v.Loaded+r.Volumes.Loaded, v.Unchanged+r.Volumes.Unchanged
	v.Rejected, v.Skipped, v.Future = v.Rejected+r.Volumes.Rejected, v.Skipped+r.Volumes.Skipped, v.Future+r.Volumes.Future
	if r.Health != nil {
		d.through += *r.Health * float64(r.Volumes.Read)
	}
	if v.Read > 0 {
		health := d.through / float64(v.Read)
		d.Health = &health
	}
	if listing.Succeeded(r.State) {
		d.took = append(d.took, r.Seconds)
	}
	if f := r.FreshnessSeconds; f != nil && (d.FreshnessSeconds == nil || *f > *d.FreshnessSeconds) {
		d.FreshnessSeconds = f
	}
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
	p.Duration = durationsOf(took)
	return p
}

func durationsOf(took []float64) *DurationFigures {
	if len(took) == 0 {
		return nil
	}
	slices.Sort(took)
	return &DurationFigures{P50: percentile(took, 0.5), P95: percentile(took, 0.95), Max: took[len(took)-1]}
}

// percentile is the nearest rank among sorted values, of which there is one at least.
func percentile(sorted []float64, q float64) float64 {
	return sorted[max(int(math.Ceil(q*float64(len(sorted))))-1, 0)]
}
