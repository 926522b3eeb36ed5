package rules

import "time"

// whose adds to an expression by import whose it is: owner, team and severity from the
// import's labels, and what it reads from and sends to. An import without that series,
// beyond the number of imports with series of their own, keeps its alert without them. While
// an owner changes there are two such series; one is taken, or the rule would fail.
func whose(expr string) string {
	return "(" + expr + ")\n  * on (import) group_left (owner, team, severity, account, connection)\n" +
		"    topk by (import) (1, max by (import, owner, team, severity, account, connection) (tapline_import_info))\n" +
		"or on (import) (" + expr + ")"
}

// info is the series that whose joins.
func info() Series {
	return Series{`tapline_import_info{import="orders", owner="ann", team="growth", severity="", account="main", connection="warehouse", type="profile"}`, "1x600"}
}

// ofOrders are the labels that an alert of that import must carry.
func ofOrders() map[string]string {
	return map[string]string{"import": "orders", "owner": "ann", "team": "growth", "account": "main"}
}

func orders(metric, labels, values string) Series {
	if labels != "" {
		labels = ", " + labels
	}
	return Series{metric + `{import="orders"` + labels + "}", values}
}

func imports() Group {
	return Group{Name: "tapline-imports", Alerts: append(stopped(), worse()...)}
}

// stopped are about imports that bring nothing.
func stopped() []Alert {
	return []Alert{
		{
			Name: "TaplineImportLate", Severity: Page, Own: true, Scope: "import", For: time.Minute,
			// The first load of an import may take hours without anybody being let down.
			Expr: whose("max by (import) (tapline_import_overdue_seconds) > {=15m}\n" +
				"and on (import) (max by (import) (tapline_import_last_success_timestamp_seconds) > 0\n" +
				"  or max by (import) (tapline_import_overdue_seconds) > {=6h})"),
			Summary:     "Import {{ $labels.import }} is late: CleverTap has old data",
			Description: "No run has succeeded for a due instant since {{ $value | humanizeDuration }}. Nothing is lost; people get campaigns by old data. First: tapline why-late {{ $labels.import }}",
			At:          25 * time.Minute, Labels: ofOrders(),
			Fires: []Series{info(), orders("tapline_import_overdue_seconds", "", "0+60x60"), orders("tapline_import_last_success_timestamp_seconds", "", "1x60")},
			Quiet: []Series{info(), orders("tapline_import_overdue_seconds", "", "0+60x60")}, // the first load
		},
		{
			Name: "TaplineImportFailing", Severity: Page, Own: true, Scope: "import", For: 5 * time.Minute,
			Expr:        whose(`max by (import) (tapline_import_health{health="failing"}) == 1`),
			Summary:     "Import {{ $labels.import }} fails",
			Description: "Its newest run failed. The watermark has not moved, so nothing is lost and the next run reads the rows again. First: tapline get runs --import {{ $labels.import }}",
			At:          7 * time.Minute, Labels: ofOrders(),
			Fires: []Series{info(), orders("tapline_import_health", `health="failing"`, "1x20")},
			Quiet: []Series{info(), orders("tapline_import_health", `health="failing"`, "1x3 stale"), orders("tapline_import_health", `health="ok"`, "_x3 1x20")},
		},
		{
			Name: "TaplineRunStalled", Severity: Page, Own: true, Scope: "import", For: time.Minute,
			Expr: whose("time() - max by (import) (tapline_import_run_progress_timestamp_seconds) > {=30m}\n" +
				`unless on (import) max by (import) (tapline_import_state{state=~"queued|held"}) == 1` + "\n" +
				"unless on (import) max by (import) (tapline_import_run_waiting_timestamp_seconds) > 0"),
			Summary:     "The run of import {{ $labels.import }} has counted no row for {{ $value | humanizeDuration }}",
			Description: "It waits neither for a person nor, as far as it says, for its account or connection. First: tapline why-late {{ $labels.import }}",
			At:          40 * time.Minute, Labels: ofOrders(),
			Fires: []Series{info(), orders("tapline_import_run_progress_timestamp_seconds", "", "0x60")},
			Quiet: []Series{info(), orders("tapline_import_run_progress_timestamp_seconds", "", "0x60"), orders("tapline_import_state", `state="held"`, "1x60")},
		},
		{
			Name: "TaplineRunWaiting", Severity: Ticket, Scope: "import", For: time.Minute,
			Expr:        whose("time() - max by (import, stage, code) (tapline_import_run_waiting_timestamp_seconds) > {=30m}"),
			Summary:     "The run of import {{ $labels.import }} waits: {{ $labels.code }} in stage {{ $labels.stage }}",
			Description: "It has waited for its account or its connection for {{ $value | humanizeDuration }}, goes on by itself once they answer, and its deadline stands still meanwhile. First: tapline get runs --import {{ $labels.import }}",
			At:          40 * time.Minute, Labels: ofOrders(),
			Fires: []Series{info(), orders("tapline_import_run_waiting_timestamp_seconds", `stage="load", code="circuit_open"`, "0x60")},
			Quiet: []Series{info(), orders("tapline_import_run_waiting_timestamp_seconds", `stage="load", code="circuit_open"`, "0+60x60")},
		},
	}
}

// worse are about imports that bring less than they should.
func worse() []Alert {
	return []Alert{
		{
			Name: "TaplineHeldWaiting", Severity: Ticket, Scope: "import",
			Expr:        whose("time() - max by (import) (tapline_import_held_since_timestamp_seconds) > {=1h}"),
			Summary:     "The run of import {{ $labels.import }} waits for a person",
			Description: "It has been held for {{ $value | humanizeDuration }}, and the import's next runs wait behind it. First: tapline get runs --import {{ $labels.import }}, then tapline approve or tapline decline",
			At:          70 * time.Minute, Labels: ofOrders(),
			Fires: []Series{info(), orders("tapline_import_held_since_timestamp_seconds", "", "0x90")},
			Quiet: []Series{info(), orders("tapline_import_held_since_timestamp_seconds", "", "3000x90")},
		},
		{
			Name: "TaplineRejectsAboveUsual", Severity: Ticket, Scope: "import", For: 5 * time.Minute,
			Expr:        whose(rejectsAboveUsual),
			Summary:     "Import {{ $labels.import }} rejects {{ $value | humanizePercentage }} of its rows, which is more than usual",
			Description: "The rejected rows are not in CleverTap; all others are. They are kept and can be sent once the cause is mended. First: tapline get rejects --import {{ $labels.import }} --groups",
			At:          90 * time.Minute, Labels: ofOrders(),
			Fires: []Series{info(), orders("tapline_import_rows_total", `outcome="loaded"`, "0+100x120"), orders("tapline_import_rows_total", `outcome="rejected"`, "0x60 0+20x60")},
			Quiet: []Series{info(), orders("tapline_import_rows_total", `outcome="loaded"`, "0+100x120"), orders("tapline_import_rows_total", `outcome="rejected"`, "0+20x120")},
		},
		{
			Name: "TaplineWatermarkStandsStill", Severity: Ticket, Scope: "import",
			Expr: whose("time() - max by (import) (tapline_import_watermark_timestamp_seconds) > {=1d}\n" +
				"and on (import) max by (import) (changes(tapline_import_watermark_timestamp_seconds[{1d}])) == 0\n" +
				`and on (import) sum by (import) (increase(tapline_scheduler_runs_total{state=~"succeeded.*"}[{1d}])) > 3`),
			Summary:     "The watermark of import {{ $labels.import }} has stood still for a day although its runs succeed",
			Description: "Either no row of the source has changed, or the source is no longer filled. CleverTap has nothing newer than {{ $value | humanizeDuration }}. First: tapline describe import {{ $labels.import }}",
			At:          25 * time.Hour, Every: 30 * time.Minute, Labels: ofOrders(),
			Fires: []Series{info(), orders("tapline_import_watermark_timestamp_seconds", "", "1x60"), orders("tapline_scheduler_runs_total", `state="succeeded"`, "0+3x60")},
			Quiet: []Series{info(), orders("tapline_import_watermark_timestamp_seconds", "", "1x60"), orders("tapline_scheduler_runs_total", `state="succeeded"`, "0x60")},
		},
	}
}

// rejectsAboveUsual compares the share of rejected rows of the last half hour with that of
// the day before it. An import that sent nothing in that day is compared with 5 %.
const rejectsAboveUsual = `sum by (import) (increase(tapline_import_rows_total{outcome="rejected"}[{30m}]))
  / clamp_min(sum by (import) (increase(tapline_import_rows_total{outcome=~"loaded|rejected"}[{30m}])), 1)
> on (import) 0.01 + 2 * (
    sum by (import) (increase(tapline_import_rows_total{outcome="rejected"}[{1d}] offset {30m}))
      / (sum by (import) (increase(tapline_import_rows_total{outcome=~"loaded|rejected"}[{1d}] offset {30m})) > 0)
    or on (import) 0.02 + 0 * max by (import) (tapline_import_rows_total{outcome="rejected"}))
and on (import) sum by (import) (increase(tapline_import_rows_total{outcome="rejected"}[{30m}])) >= 10`
