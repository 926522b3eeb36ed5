package boards

const (
	toImport = "/d/tapline-import?var-import=${__data.fields.import}&${__url_time_range}"
	ofChoice = `{import="$import"}`
)

// withOwner adds owner, team, account and connection to an expression by import.
func withOwner(expr string) string {
	return "(" + expr + ") * on (import) group_left (owner, team, account, connection) topk by (import) (1, max by (import, owner, team, account, connection) (tapline_import_info))"
}

// fleet is where a person begins who was told nothing.
func fleet() board {
	health := func(title, of, about string) panel {
		return panel{
			kind: figure, title: title, width: 4, bad: 1, about: about,
			queries: []query{{`sum(tapline_imports{health="` + of + `"}) or vector(0)`, ""}},
		}
	}
	toPage := []target{{"This import", toImport}, {"Its page", page + "/imports/${__data.fields.import}"}}
	return board{
		uid: "tapline-fleet", title: "Tapline: all imports",
		about: "Which imports are late, fail or wait, and whose they are. Click a line for the import.",
		rows: []row{
			{"How they are", []panel{
				health("Late", "late", "Imports whose promised freshness is broken."),
				health("Failing", "failing", "Imports whose newest run failed."),
				health("Waiting", "waiting", "Imports whose run waits for its account, its connection or another application."),
				health("Held", "held", "Imports whose run waits for a person."),
				{kind: figure, title: "All well", width: 4, queries: []query{{`sum(tapline_imports{health="ok"}) or vector(0)`, ""}}, about: "Imports that do what they promise."},
				{kind: figure, title: "Inactive", width: 4, queries: []query{{`sum(tapline_imports{health="inactive"}) or vector(0)`, ""}}, about: "Drafts, paused and stopped imports. Nothing is promised for them."},
			}},
			{"What needs a person", []panel{
				{
					kind: listing, title: "Not well", width: 12, links: toPage,
					queries: []query{{withOwner(`max by (import, health) (tapline_import_health{health!~"ok|inactive"})`), ""}},
					about:   "Each import that is late, fails, waits or is held, with its owner.", empty: "an import is not well.",
				},
				{
					kind: listing, title: "Overdue", unit: "s", width: 12, links: toPage, warn: 300, bad: 900,
					queries: []query{{withOwner("topk(20, max by (import) (tapline_import_overdue_seconds) > 0)"), ""}},
					about:   "The time since the oldest due instant that no successful run stands for.", empty: "a due instant has passed without a successful run.",
				},
				{
					kind: listing, title: "Held", unit: "s", width: 12, links: toPage,
					queries: []query{{withOwner("time() - max by (import) (tapline_import_held_since_timestamp_seconds)"), ""}},
					about:   "How long a run has waited for approve or decline.", empty: "a run is held.",
				},
				{
					kind: listing, title: "Waiting", unit: "s", width: 12, links: toPage,
					queries: []query{{withOwner("time() - max by (import, stage, code) (tapline_import_run_waiting_timestamp_seconds)"), ""}},
					about:   "How long a run has waited for its account or connection, and why.", empty: "a run waits.",
				},
			}},
			{"How it goes", []panel{
				{title: "Freshness", unit: "s", links: toPage, queries: []query{{"topk(20, max by (import) (tapline_import_freshness_seconds))", "{{import}}"}}, about: "The age of what CleverTap has, of the twenty oldest."},
				{title: "Runs that ended", queries: []query{{"sum by (state) (increase(tapline_scheduler_runs_total[$__rate_interval]))", "{{state}}"}}, about: "By how they ended."},
				{title: "Rows", unit: "rowsps", queries: []query{{"sum by (outcome) (rate(tapline_import_rows_total[$__rate_interval]))", "{{outcome}}"}}, about: "Rows of all imports by outcome."},
				{title: "Rejected rows by import", unit: "rowsps", links: toPage, queries: []query{{`topk(10, sum by (import) (rate(tapline_import_rows_total{outcome="rejected"}[$__rate_interval])))`, "{{import}}"}}, about: "The ten that reject most."},
				{title: "Runs that failed by import", links: toPage, queries: []query{{`topk(10, sum by (import) (increase(tapline_scheduler_runs_total{state="failed"}[$__rate_interval])))`, "{{import}}"}}, about: "The ten that fail most."},
				{title: "Duration of runs", unit: "s", queries: []query{{"histogram_quantile(0.95, sum by (le) (rate(tapline_scheduler_run_duration_seconds_bucket[$__rate_interval])))", "95 %"}, {"histogram_quantile(0.5, sum by (le) (rate(tapline_scheduler_run_duration_seconds_bucket[$__rate_interval])))", "half"}}, about: "A point leads to the trace of one run.", empty: "a run has ended."},
			}},
		},
	}
}

// oneImport is the second click: where its rows are and what they wait for.
func oneImport() board {
	age := func(title, metric, empty string, warn, bad float64) panel {
		return panel{kind: figure, title: title, unit: "s", width: 4, warn: warn, bad: bad, queries: []query{{"time() - max(" + metric + ofChoice + ")", ""}}, empty: empty}
	}
	toAccount := []target{{"Its account", "/d/tapline-account?var-account=${__field.labels.account}&${__url_time_range}"}}
	return board{
		uid: "tapline-import", title: "Tapline: one import", about: "Where its rows are, and what they wait for.",
		choose: []choice{{"import", "tapline_import_info"}},
		rows: []row{
			{"How it is", []panel{
				{kind: listing, title: "Whose it is", width: 12, queries: []query{{"tapline_import_info" + ofChoice, ""}}, about: "Owner, team, account and connection.", links: []target{
					{"Its page", page + "/imports/$import"}, {"Its account", "/d/tapline-account?var-account=${__data.fields.account}&${__url_time_range}"},
					{"Its connection", "/d/tapline-connection?var-connection=${__data.fields.connection}&${__url_time_range}"},
				}},
				{kind: states, title: "State", width: 12, queries: []query{{"max by (state) (tapline_import_state" + ofChoice + ")", "{{state}}"}}, about: "The active run's state, or the import's own."},
				{kind: figure, title: "Freshness", unit: "s", width: 4, queries: []query{{"max(tapline_import_freshness_seconds" + ofChoice + ")", ""}}, about: "The age of what CleverTap has.", empty: "a run has succeeded."},
				{kind: figure, title: "Promised", unit: "s", width: 4, queries: []query{{"max(tapline_import_freshness_promised_seconds" + ofChoice + ")", ""}}, about: "What its schedules promise.", empty: "it has a schedule and is not paused."},
				{kind: figure, title: "Overdue", unit: "s", width: 4, warn: 300, bad: 900, queries: []query{{"max(tapline_import_overdue_seconds" + ofChoice + ")", ""}}, about: "Since the oldest due instant without a successful run.", empty: "it has a schedule."},
				age("Last success", "tapline_import_last_success_timestamp_seconds", "a run has succeeded.", 0, 0),
				age("Run began", "tapline_import_run_started_timestamp_seconds", "a run is active.", 0, 0),
				age("Run last counted a row", "tapline_import_run_progress_timestamp_seconds", "a run is active.", 300, 1800),
			}},
			{"Where the rows are", []panel{
				{title: "Rows of the run", width: 12, queries: []query{{"max by (outcome) (tapline_import_run_rows" + ofChoice + ")", "{{outcome}}"}}, about: "Of the active run, else of the newest. Pending rows have no outcome yet."},
				{title: "Rows by outcome", unit: "rowsps", width: 12, queries: []query{{"sum by (outcome) (rate(tapline_import_rows_total" + ofChoice + "[$__rate_interval]))", "{{outcome}}"}}, about: "As the scheduler counts them."},
				{title: "Rows read", unit: "rowsps", queries: []query{{"sum by (outcome) (rate(tapline_extractor_rows_total" + ofChoice + "[$__rate_interval]))", "{{outcome}}"}}, about: "The extractor.", empty: "an extractor has read rows of it since it started."},
				{title: "Rows mapped", unit: "rowsps", queries: []query{{"sum by (outcome, code) (rate(tapline_mapper_rows_total" + ofChoice + "[$__rate_interval]))", "{{outcome}} {{code}}"}}, about: "The mapper.", empty: "a mapper has mapped rows of it since it started."},
				{title: "Records sent", unit: "rowsps", queries: []query{{"sum by (outcome, code) (rate(tapline_loader_records_total" + ofChoice + "[$__rate_interval]))", "{{outcome}} {{code}}"}}, about: "The loader.", empty: "records of it are being sent."},
				{title: "Waits to be mapped and to be sent", queries: []query{{"sum(tapline_mapper_lag" + ofChoice + ")", "to be mapped"}, {"sum(tapline_loader_lag" + ofChoice + ")", "to be sent"}}, about: "Records in Kafka behind which each stage is."},
				{title: "Age of the oldest that waits", unit: "s", queries: []query{{"max(tapline_mapper_lag_age_seconds" + ofChoice + ")", "to be mapped"}, {"max(tapline_loader_lag_age_seconds" + ofChoice + ")", "to be sent"}}, about: "It grows by a second each second while a stage does nothing."},
				{title: "Slots in use", links: toAccount, queries: []query{{"sum by (account) (tapline_loader_slots_used" + ofChoice + ")", "{{account}}"}}, about: "Requests of this import that are under way.", empty: "a loader has sent records of it since it started."},
			}},
			{"What is rejected", []panel{
				{title: "By code", unit: "rowsps", width: 12, queries: []query{{"sum by (code) (rate(tapline_import_rejects_total" + ofChoice + "[$__rate_interval]))", "{{code}}"}}, about: "Rows that are not in CleverTap, by what is wrong with them.", empty: "a row of it has been rejected."},
				{title: "Share of rows", unit: "percentunit", width: 12, queries: []query{{`sum(rate(tapline_import_rows_total{import="$import", outcome="rejected"}[$__rate_interval])) / clamp_min(sum(rate(tapline_import_rows_total{import="$import", outcome=~"loaded|rejected"}[$__rate_interval])), 0.001)`, "rejected"}}, about: "Of the rows that were loaded or rejected."},
				{title: "Runs that ended", width: 12, queries: []query{{"sum by (state) (increase(tapline_scheduler_runs_total" + ofChoice + "[$__rate_interval]))", "{{state}}"}}, about: "By how they ended."},
				{kind: figure, title: "Watermark", unit: "dateTimeAsIso", width: 12, queries: []query{{"max(tapline_import_watermark_timestamp_seconds" + ofChoice + ") * 1000", ""}}, about: "Rows that changed before it are in CleverTap.", empty: "it has a cursor and a run has succeeded."},
			}},
		},
	}
}
