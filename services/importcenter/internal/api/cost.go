package api

import (
	"context"
	"fmt"
	"strconv"

	"tapline.dev/domain/projection"
	"tapline.dev/domain/schedule"
	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/plan"
)

// costRuns is the number of newest runs that the average cost covers.
const costRuns = 10

// Cost is what the newest runs of an import have taken at Snowflake, on average.
type Cost struct {
	Runs               int     `json:"runs" doc:"How many of the newest runs it is an average of: of the last 10 those that have asked Snowflake"`
	QueueSeconds       float64 `json:"queueSeconds" doc:"Of a run"`
	ExecutionSeconds   float64 `json:"executionSeconds" doc:"Of a run"`
	SecondsPerThousand float64 `json:"secondsPer1000,omitempty" doc:"Execution for 1,000 loaded records, over all of these runs; absent if none was loaded"`
	SecondsPerDay      float64 `json:"secondsPerDay,omitempty" doc:"Execution a day at the schedules of now; absent without any"`
}

// costOf is the average over the newest of the runs, which come newest first; nil if none
// has asked Snowflake.
func costOf(runs []schemas.Run, perDay float64) *Cost {
	var sum schemas.SnowflakeUse
	var loaded int64
	out := &Cost{}
	for _, r := range runs[:min(len(runs), costRuns)] {
		if r.Snowflake != nil && schemas.Terminal(r.State) {
			out.Runs++
			sum, loaded = sum.Plus(*r.Snowflake), loaded+r.Counts.Loaded
		}
	}
	if out.Runs == 0 {
		return nil
	}
	n := float64(out.Runs)
	out.QueueSeconds, out.ExecutionSeconds = sum.QueueSeconds/n, sum.ExecutionSeconds/n
	if loaded > 0 {
		out.SecondsPerThousand = sum.ExecutionSeconds * 1000 / float64(loaded)
	}
	out.SecondsPerDay = out.ExecutionSeconds * perDay
	return out
}

// runsPerDay is how many runs a day the schedules of a definition make from now on.
func (h *handlers) runsPerDay(d schemas.Definition) float64 {
	if d.Spec.Draft {
		return 0
	}
	state, _ := h.Catalog.State(d.Metadata.Name)
	calendar, _ := schedule.Applied(d, state)
	return calendar.PerDay(h.Now())
}

// ofCost says what an import that has run takes at Snowflake at the schedules that a
// change gives it.
func (h *handlers) ofCost(ctx context.Context, c plan.Change, before schemas.Definition) []Consequence {
	page, err := h.Projection.Runs(ctx, projection.Query{Import: c.Name, Limit: costRuns})
	if err != nil {
		return nil // Redis is away: the plan goes on without the figures
	}
	now := costOf(page.Runs, h.runsPerDay(before))
	if now == nil {
		return nil
	}
	then := costOf(page.Runs, h.runsPerDay(*c.Import))
	text := fmt.Sprintf("Snowflake: %s s of execution and %s s in the queue a run, on average of the last %d", figure(now.ExecutionSeconds), figure(now.QueueSeconds), now.Runs)
	if now.SecondsPerThousand > 0 {
		text += ", " + figure(now.SecondsPerThousand) + " s for 1,000 loaded"
	}
	text += "; " + figure(then.SecondsPerDay) + " s a day at its schedules"
	if now.SecondsPerDay != then.SecondsPerDay {
		text += ", " + figure(now.SecondsPerDay) + " s before"
	}
	return []Consequence{{About: "cost", Text: text, Cost: then}}
}

// figure has three significant digits, and no exponent.
func figure(x float64) string {
	const large = 100
	if x >= large {
		return strconv.FormatFloat(x, 'f', 0, 64)
	}
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(x, 'g', 3, 64), 64)
	if err != nil {
		return strconv.FormatFloat(x, 'f', 2, 64)
	}
	return strconv.FormatFloat(rounded, 'f', -1, 64)
}
