package boards

func pipeline() board {
	toImport := []target{{"This import", "/d/tapline-import?var-import=${__field.labels.import}&${__url_time_range}"}}
	count := func(title, expr string, warn, bad float64, about string) panel {
		return panel{kind: figure, title: title, width: 4, warn: warn, bad: bad, queries: []query{{expr, ""}}, about: about}
	}
	return board{
		uid: "tapline-pipeline", title: "Tapline: pipeline", about: "Lag, transactions and takeovers of the stages.",
		rows: []row{
			{"Who does the work", []panel{
				count("Control partitions with a scheduler", "sum(tapline_scheduler_partitions) or vector(0)", 0, 0, "4 if none is without."),
				count("Control partitions with an extractor", "sum(tapline_extractor_partitions) or vector(0)", 0, 0, "4 if none is without."),
				count("Due instants unaccounted for", "sum(tapline_scheduler_due_unaccounted) or vector(0)", 0, 1, "Anything but 0 for a minute means that a scheduler does not do its work."),
				{kind: figure, title: "Projection behind", unit: "s", width: 4, warn: 30, bad: 120, queries: []query{{"max(tapline_scheduler_projection_age_seconds)", ""}}, about: "How old what Redis shows is."},
				{kind: figure, title: "Open transaction", unit: "s", width: 4, warn: 20, bad: 60, queries: []query{{"max(tapline_kafka_unstable_age_seconds)", ""}}, about: "How long one has been hiding records of a control topic."},
				count("Unreadable records", "sum(tapline_kafka_unreadable_total) + sum(tapline_scheduler_unreadable_total) or vector(0)", 0, 1, "Each lets an import or resource stand still."),
			}},
			{"Lag", []panel{
				{title: "Waits to be mapped", links: toImport, queries: []query{{"topk(10, sum by (import) (tapline_mapper_lag))", "{{import}}"}}, about: "Records behind which the mappers are."},
				{title: "Oldest row that waits to be mapped", unit: "s", links: toImport, queries: []query{{"topk(10, max by (import) (tapline_mapper_lag_age_seconds))", "{{import}}"}}, about: "It grows by a second each second while nothing is done."},
				{title: "Retention used up by rows", unit: "percentunit", links: toImport, warn: 0.25, bad: 0.5, queries: []query{{"topk(10, max by (import) (tapline_mapper_retention_used_ratio))", "{{import}}"}}, about: "At 100 % Kafka deletes what is not mapped, and its run fails."},
				{title: "Waits to be sent", links: toImport, queries: []query{{"topk(10, sum by (import) (tapline_loader_lag))", "{{import}}"}}, about: "Records behind which the loaders are."},
				{title: "Oldest record that waits to be sent", unit: "s", links: toImport, queries: []query{{"topk(10, max by (import) (tapline_loader_lag_age_seconds))", "{{import}}"}}, about: "It grows by a second each second while nothing is done."},
				{title: "Retention used up by records", unit: "percentunit", links: toImport, warn: 0.25, bad: 0.5, queries: []query{{"topk(10, max by (import) (tapline_loader_retention_used_ratio))", "{{import}}"}}, about: "At 100 % Kafka deletes what is not sent, and its run fails."},
			}},
			{"Transactions", []panel{
				{title: "Extractor", queries: []query{{"sum by (outcome) (rate(tapline_extractor_transactions_total[$__rate_interval]))", "{{outcome}}"}}, about: "By outcome; fenced is a takeover by another.", empty: "an extractor has read rows since it started."},
				{title: "Mapper", queries: []query{{"sum by (outcome) (rate(tapline_mapper_transactions_total[$__rate_interval]))", "{{outcome}}"}}, about: "By outcome."},
				{title: "Scheduler", queries: []query{{"sum(rate(tapline_scheduler_steps_total[$__rate_interval]))", "steps"}, {"sum(rate(tapline_scheduler_records_total[$__rate_interval]))", "records taken in"}}, about: "Each step is one transaction."},
				{title: "Time of the extractor's", unit: "s", queries: quantiles("tapline_extractor_transaction_duration_seconds", ""), about: "Long if Kafka is slow.", empty: "an extractor has read rows since it started."},
				{title: "Time of the mapper's", unit: "s", queries: quantiles("tapline_mapper_transaction_duration_seconds", ""), about: "Long if Kafka is slow."},
				{title: "Time of the scheduler's", unit: "s", queries: quantiles("tapline_scheduler_step_duration_seconds", ""), about: "Long if Kafka is slow."},
			}},
			{"Restarts and takeovers", []panel{
				{title: "Memberships that ended with an error", queries: []query{
					{"sum(increase(tapline_scheduler_restarts_total[$__rate_interval]))", "scheduler"}, {"sum(increase(tapline_extractor_restarts_total[$__rate_interval]))", "extractor"},
					{"sum(increase(tapline_mapper_restarts_total[$__rate_interval]))", "mapper"}, {"sum(increase(tapline_loader_restarts_total[$__rate_interval]))", "loader"},
				}, about: "Of consumer groups. The service joins again by itself.", empty: "a membership has ended with an error."},
				{title: "Takeovers", queries: []query{{"sum by (outcome) (increase(tapline_scheduler_takeovers_total[$__rate_interval]))", "control partition: {{outcome}}"}, {"sum(increase(tapline_loader_takeovers_total[$__rate_interval]))", "records"}, {"sum(increase(tapline_extractor_takeovers_total[$__rate_interval]))", "attempts"}}, about: "Work that another replica, or an earlier life of it, had."},
				{title: "Rows that cannot be mapped", links: toImport, queries: []query{{"sum by (import) (increase(tapline_mapper_holds_total[$__rate_interval]))", "{{import}}"}}, about: "Times that they were given back. The mapper's log says why.", empty: "the mapper has lacked something of an import."},
			}},
		},
	}
}

func internals() board {
	byService := func(expr string) []query { return []query{{expr, "{{instance}}"}} }
	return board{
		uid: "tapline-services", title: "Tapline: services", about: "What runs, whether it is ready, and what it uses.",
		rows: []row{
			{"What runs", []panel{
				{kind: listing, title: "Versions", width: 8, queries: []query{{"count by (service, version, go_version) (tapline_build_info)", ""}}, about: "How many of each."},
				{kind: states, title: "Answers", width: 8, queries: []query{{`up{job="tapline"}`, "{{instance}}"}}, about: "1 while Prometheus can scrape it."},
				{kind: listing, title: "Checks that fail", width: 8, queries: []query{{"tapline_health_check == 0", ""}}, about: "unready takes the process out of service, degraded does not. /readyz?verbose says why.", empty: "a readiness check fails."},
			}},
			{"What they use", []panel{
				{title: "CPU", unit: "percentunit", queries: byService(`rate(process_cpu_seconds_total{job="tapline"}[$__rate_interval])`), about: "1 is one core."},
				{title: "Memory", unit: "bytes", queries: byService(`process_resident_memory_bytes{job="tapline"}`), about: "Resident."},
				{title: "Heap", unit: "bytes", queries: byService(`go_memstats_heap_inuse_bytes{job="tapline"}`), about: "In use."},
				{title: "Goroutines", queries: byService(`go_goroutines{job="tapline"}`), about: "A number that only grows is a leak."},
				{title: "Open files", unit: "percentunit", queries: byService(`process_open_fds{job="tapline"} / process_max_fds{job="tapline"}`), about: "Of those that it may open."},
				{title: "Clock ahead", unit: "s", queries: []query{{"max by (instance, server) (tapline_clock_skew_seconds)", "{{server}} of {{instance}}"}}, about: "How far a server's clock is ahead of a process's."},
			}},
			{"Kafka and Redis", []panel{
				{title: "Time of Kafka's answers", unit: "s", queries: []query{{"histogram_quantile(0.95, sum by (le, api) (rate(tapline_kafka_request_duration_seconds_bucket[$__rate_interval])))", "{{api}}"}}, about: "95 %. Fetch waits on purpose if there is nothing new."},
				{title: "Connections to Kafka that failed", queries: []query{{"sum by (instance) (increase(tapline_kafka_connect_errors_total[$__rate_interval]))", "{{instance}}"}}, about: "Each is tried again."},
				{title: "Records to and from Kafka", queries: []query{{"sum(rate(messaging_client_sent_messages_total[$__rate_interval]))", "sent"}, {"sum(rate(messaging_client_consumed_messages_total[$__rate_interval]))", "fetched"}}, about: "Of all services."},
				{title: "Bytes to and from Kafka", unit: "Bps", queries: []query{{"sum(rate(tapline_kafka_written_bytes_total[$__rate_interval]))", "written"}, {"sum(rate(tapline_kafka_read_bytes_total[$__rate_interval]))", "read"}}, about: "Of all services."},
				{title: "Compacted topics not yet read", queries: []query{{"max by (topic) (tapline_kafka_table_lag)", "{{topic}}"}}, about: "Definitions that a service does not know yet."},
				{title: "Time of Redis' answers", unit: "s", queries: []query{{"histogram_quantile(0.95, sum by (le, command) (rate(tapline_redis_command_duration_seconds_bucket[$__rate_interval])))", "{{command}}"}}, about: "95 % by command."},
			}},
			{"Import Center and telemetry", []panel{
				{title: "Requests to the API", unit: "reqps", queries: []query{{"sum by (status) (rate(tapline_importcenter_request_duration_seconds_count[$__rate_interval]))", "{{status}}"}}, about: "By status."},
				{title: "Time of the API's answers", unit: "s", queries: quantiles("tapline_importcenter_request_duration_seconds", ""), about: "A question that waits for a change counts as long."},
				{title: "Spans and log records lost", queries: []query{
					{"sum by (why) (increase(tapline_telemetry_spans_lost_total[$__rate_interval]))", "spans: {{why}}"},
					{"sum by (why) (increase(tapline_telemetry_logs_lost_total[$__rate_interval]))", "log records: {{why}}"},
				}, about: "The collector is away or slow.", empty: "something was lost."},
			}},
		},
	}
}

func promises() board {
	budget := func(title, record, allowed, about, empty string) panel {
		return panel{title: title, unit: "percentunit", width: 12, about: about, empty: empty, queries: []query{
			{"tapline:" + record + ":ratio_1h / " + allowed, "{{type}}, an hour"}, {"tapline:" + record + ":ratio_6h / " + allowed, "{{type}}, six hours"}, {"tapline:" + record + ":ratio_3d / " + allowed, "{{type}}, three days"},
		}}
	}
	toImport := []target{{"This import", toImport}}
	const promised = "an import has had a schedule for a quarter of an hour."
	return board{
		uid: "tapline-promises", title: "Tapline: promises", about: "How much of what docs/promises.md promises is kept.",
		rows: []row{
			{"Freshness", []panel{
				budget("Burn rate", "stale", "0.01", "At 1 the budget lasts for its 30 days.", promised),
				{kind: listing, title: "Imports that are late most", unit: "percentunit", width: 12, links: toImport, queries: []query{{"topk(10, 1 - avg_over_time(tapline:import_fresh:bool[$__range]))", ""}}, about: "The share of the time shown.", empty: promised},
			}},
			{"Completeness", []panel{
				budget("Burn rate", "incomplete", "0.005", "At 1 the budget lasts for its 30 days.", ""),
				{kind: listing, title: "Imports that reject most", width: 12, links: toImport, queries: []query{{`topk(10, sum by (import) (increase(tapline_import_rows_total{outcome="rejected"}[$__range])))`, ""}}, about: "Rows in the time shown."},
			}},
		},
	}
}
