package cli

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"tapline.dev/cmd/tapline/internal/client"
	"tapline.dev/domain/listing"
)

// describedStats are what the runs of an import came to, a line for each period.
func describedStats(s client.Stats) (rows [][2]string) {
	for _, p := range s.Periods {
		rows = append(rows, [2]string{strconv.Itoa(p.Days) + " days", periodText(p)})
	}
	if s.Cost != nil {
		rows = append(rows, [2]string{"cost", costText(*s.Cost)})
	}
	return rows
}

func periodText(p client.Period) string {
	if p.Runs == 0 {
		return "no runs"
	}
	var states []string
	for _, state := range slices.Sorted(maps.Keys(p.ByState)) {
		states = append(states, number(int64(p.ByState[state]))+" "+state)
	}
	text := fmt.Sprintf("%s (%s): %s; rejected %s", numbered(int64(p.Runs), "run"), strings.Join(states, ", "), p.Equation, listing.Percent(p.RejectRatio))
	if d := p.Duration; d != nil {
		text += fmt.Sprintf("; took %s s (p50), %s s (p95)", seconds(d.P50), seconds(d.P95))
	}
	return text
}

// costText says what the newest runs have taken at Snowflake, on average.
func costText(c client.Cost) string {
	text := fmt.Sprintf("%s s of execution and %s s in the queue a run, on average of the last %d", seconds(c.ExecutionSeconds), seconds(c.QueueSeconds), c.Runs)
	if c.SecondsPerThousand > 0 {
		text += fmt.Sprintf("; %s s for 1,000 loaded", seconds(c.SecondsPerThousand))
	}
	if c.SecondsPerDay > 0 {
		text += fmt.Sprintf("; %s s a day at its schedules", seconds(c.SecondsPerDay))
	}
	return text
}
