package rules

import (
	"fmt"
	"strings"
	"time"
)

// What is promised, as the share of bad that is allowed over 30 days. docs/promises.md says
// it in words.
const (
	StaleAllowed      = 0.01  // of the time of imports with a schedule
	IncompleteAllowed = 0.005 // of the rows
)

// burn is how fast a budget is used up: at 1 it lasts for the 30 days.
type burn struct {
	factor      float64
	long, short string
}

// fast uses up 2 % of the budget within an hour, slow 10 % within three days. The short
// window ends the alert soon after the cause has ended.
var (
	fast = []burn{{14.4, "1h", "5m"}, {6, "6h", "30m"}}
	slow = []burn{{3, "1d", "2h"}, {1, "3d", "6h"}}
)

func windows() []string { return []string{"5m", "30m", "1h", "2h", "6h", "1d", "3d"} }

// typed adds to an expression by import whether it loads profiles or events.
func typed(expr string) string {
	return "(" + expr + ")\n  * on (import) group_left (type) topk by (import) (1, max by (import, type) (tapline_import_info))"
}

// Promises is the file with what is recorded for the promises.
func Promises(o Options) ([]byte, error) {
	out := file{Groups: []group{{Name: "tapline-promises-recorded", Interval: o.Factor.Duration(interval), Rules: []rule{{
		Record: "tapline:import_fresh:bool",
		Expr:   typed("max by (import) (tapline_import_freshness_seconds) <= bool on (import) max by (import) (tapline_import_freshness_promised_seconds)"),
	}}}}}
	rows := func(outcomes, window string) string {
		return "sum by (type) (" + typed(fmt.Sprintf(`sum by (import) (increase(tapline_import_rows_total{outcome=~%q}[{%s}]))`, outcomes, window)) + ")"
	}
	for _, w := range windows() {
		out.Groups[0].Rules = append(out.Groups[0].Rules,
			rule{
				Record: "tapline:stale:ratio_" + w,
				Expr:   o.Factor.Text(fmt.Sprintf("1 - avg by (type) (avg_over_time(tapline:import_fresh:bool[{%s}]))", w)),
			},
			rule{
				Record: "tapline:incomplete:ratio_" + w,
				Expr:   o.Factor.Text(rows("rejected", w) + "\n/ clamp_min(" + rows("loaded|rejected", w) + ", 1)"),
			})
	}
	return Encode(out)
}

func burning(record string, allowed float64, burns []burn) string {
	var parts []string
	for _, b := range burns {
		parts = append(parts, fmt.Sprintf("tapline:%[1]s:ratio_%[2]s > %[4]v and on (type) tapline:%[1]s:ratio_%[3]s > %[4]v", record, b.long, b.short, round(b.factor*allowed)))
	}
	return strings.Join(parts, "\nor ")
}

// round takes off what binary fractions add to a decimal number.
func round(f float64) float64 { return float64(int64(f*1e6+0.5)) / 1e6 }

func promises() Group {
	late := []Series{info(), orders("tapline_import_freshness_seconds", "", "7200x600"), orders("tapline_import_freshness_promised_seconds", "", "3600x600")}
	fresh := []Series{info(), orders("tapline_import_freshness_seconds", "", "60x600"), orders("tapline_import_freshness_promised_seconds", "", "3600x600")}
	rejected := []Series{info(), orders("tapline_import_rows_total", `outcome="loaded"`, "0+90x600"), orders("tapline_import_rows_total", `outcome="rejected"`, "0+10x600")}
	loaded := []Series{info(), orders("tapline_import_rows_total", `outcome="loaded"`, "0+9990x600"), orders("tapline_import_rows_total", `outcome="rejected"`, "0+10x600")}
	ofProfiles := map[string]string{"type": "profile"}
	const budget = " of the 30 days' budget"
	return Group{Name: "tapline-promises", Alerts: []Alert{
		{
			Name: "TaplineFreshnessBurnsFast", Severity: Page, Scope: "promise", For: 2 * time.Minute,
			Expr:        burning("stale", StaleAllowed, fast),
			Summary:     "Imports of {{ $labels.type }}s are late: {{ $value | humanizePercentage }} of their time",
			Description: "At this rate 2 %" + budget + " are used up within an hour. First: tapline get imports --sort health",
			At:          20 * time.Minute, Labels: ofProfiles, Fires: late, Quiet: fresh,
		},
		{
			Name: "TaplineFreshnessBurnsSlowly", Severity: Ticket, Scope: "promise", For: 15 * time.Minute,
			Expr:        burning("stale", StaleAllowed, slow),
			Summary:     "Imports of {{ $labels.type }}s have been late for {{ $value | humanizePercentage }} of their time",
			Description: "At this rate 10 %" + budget + " are used up within three days. First: the dashboard of promises shows which imports",
			At:          60 * time.Minute, Labels: ofProfiles, Fires: late, Quiet: fresh,
		},
		{
			Name: "TaplineCompletenessBurnsFast", Severity: Page, Scope: "promise", For: 2 * time.Minute,
			Expr:        burning("incomplete", IncompleteAllowed, fast),
			Summary:     "{{ $value | humanizePercentage }} of the rows of imports of {{ $labels.type }}s are rejected",
			Description: "At this rate 2 %" + budget + " are used up within an hour. First: the dashboard of promises shows which imports",
			At:          20 * time.Minute, Labels: ofProfiles, Fires: rejected, Quiet: loaded,
		},
		{
			Name: "TaplineCompletenessBurnsSlowly", Severity: Ticket, Scope: "promise", For: 15 * time.Minute,
			Expr:        burning("incomplete", IncompleteAllowed, slow),
			Summary:     "{{ $value | humanizePercentage }} of the rows of imports of {{ $labels.type }}s have been rejected",
			Description: "At this rate 10 %" + budget + " are used up within three days. First: the dashboard of promises shows which imports",
			At:          60 * time.Minute, Labels: ofProfiles, Fires: rejected, Quiet: loaded,
		},
	}}
}
