package boards

func quantiles(metric, labels string) []query {
	of := func(q string) string {
		return "histogram_quantile(" + q + ", sum by (le) (rate(" + metric + "_bucket" + labels + "[$__rate_interval])))"
	}
	return []query{{of("0.5"), "half"}, {of("0.95"), "95 %"}, {of("0.99"), "99 %"}}
}

// account is the third click where the cause is CleverTap: the requests themselves.
func account() board {
	const of = `{account="$account"}`
	toImport := []target{{"This import", "/d/tapline-import?var-import=${__field.labels.import}&${__url_time_range}"}}
	return board{
		uid: "tapline-account", title: "Tapline: CleverTap account", about: "What CleverTap answers, and who has the slots. Of an account that a loader has sent to since it started.",
		choose: []choice{{"account", "tapline_loader_requests_total"}},
		rows: []row{
			{"How it is", []panel{
				{kind: figure, title: "Credentials refused", width: 6, bad: 1, queries: []query{{"max(tapline_loader_account_refused" + of + ")", ""}}, about: "1 while CleverTap refuses them. Then: tapline account test."},
				{kind: figure, title: "Circuit open", width: 6, bad: 1, queries: []query{{"max(tapline_loader_circuit_open" + of + ")", ""}}, about: "1 while requests are held back and the account is probed."},
				{kind: figure, title: "Slots in use", width: 6, queries: []query{{"sum(tapline_loader_requests_in_flight" + of + ")", ""}}, about: "Requests under way."},
				{kind: figure, title: "Slots that it tolerates", width: 6, queries: []query{{"min(tapline_loader_slots_limit" + of + ")", ""}}, about: "Halved by 429, growing back."},
			}},
			{"Requests", []panel{
				{title: "By what became of them", unit: "reqps", width: 12, queries: []query{{"sum by (result) (rate(tapline_loader_requests_total" + of + "[$__rate_interval]))", "{{result}}"}}, about: "throttled is 429, unavailable is 5xx or no answer, auth_refused is 401 or 403."},
				{title: "Time to an answer", unit: "s", width: 12, queries: quantiles("tapline_loader_request_duration_seconds", of), about: "A point leads to the trace with the request."},
				{title: "Records in a request", queries: []query{{"sum(rate(tapline_loader_request_records_sum" + of + "[$__rate_interval])) / sum(rate(tapline_loader_request_records_count" + of + "[$__rate_interval]))", "mean"}}, about: "1000 is the most that CleverTap takes."},
				{title: "Records a second", unit: "rowsps", queries: []query{{"sum(rate(tapline_loader_request_records_sum" + of + "[$__rate_interval]))", "records"}}, about: "Sent, whatever became of them."},
				{title: "Sent again", queries: []query{{"sum(rate(tapline_loader_records_resent_total[$__rate_interval]))", "records"}}, about: "Records of all accounts that were sent again after a request that may have been applied."},
			}},
			{"Slots", []panel{
				{title: "In use by import", links: toImport, queries: []query{{"sum by (import) (tapline_loader_slots_used" + of + ")", "{{import}}"}}, about: "Who has the slots.", empty: "records are being sent."},
				{title: "Waiting for one by import", unit: "s", links: toImport, warn: 60, bad: 600, queries: []query{{"max by (import) (tapline_loader_slot_waiting_age_seconds" + of + ")", "{{import}}"}}, about: "Who is ready and gets none.", empty: "records have waited for a slot."},
				{title: "Use and limit", queries: []query{{"sum(rate(tapline_loader_slots_busy_seconds_total" + of + "[$__rate_interval]))", "in use"}, {"min(tapline_loader_slots_limit" + of + ")", "tolerated"}, {"sum(tapline_loader_slots_share" + of + ")", "leased"}}, about: "Full use is the account's ceiling; more loaders do not raise it."},
				{title: "Wait before an upload", unit: "s", queries: quantiles("tapline_loader_slot_wait_seconds", of), about: "Of the oldest record of each upload."},
			}},
		},
	}
}

// connection is the third click where the cause is Snowflake.
func connection() board {
	const of = `{connection="$connection"}`
	return board{
		uid: "tapline-connection", title: "Tapline: Snowflake connection", about: "What Snowflake takes its time for. Of a connection that an extractor has used since it started.",
		choose: []choice{{"connection", "tapline_snowflake_statement_age_seconds"}},
		rows: []row{
			{"How it is", []panel{
				{kind: figure, title: "Credentials refused", width: 6, bad: 1, queries: []query{{"max(tapline_snowflake_connection_refused" + of + ")", ""}}, about: "1 while Snowflake refuses them. Then: tapline connection test."},
				{kind: figure, title: "Oldest statement", unit: "s", width: 6, warn: 300, bad: 900, queries: []query{{"max(tapline_snowflake_statement_age_seconds" + of + ")", ""}}, about: "How long it has been at its phase; 0 without one."},
				{kind: figure, title: "Statements under way", width: 6, queries: []query{{"sum(tapline_snowflake_statements" + of + ")", ""}}, about: "In all phases."},
				{kind: figure, title: "Oldest session", unit: "s", width: 6, queries: []query{{"max(tapline_snowflake_session_age_seconds" + of + ")", ""}}, about: "Snowflake ends sessions that are idle for four hours.", empty: "a session is open."},
			}},
			{"Time", []panel{
				{title: "Statements by phase", queries: []query{{"sum by (phase) (tapline_snowflake_statements" + of + ")", "{{phase}}"}}, about: "What they are at."},
				{title: "Age of the oldest by phase", unit: "s", queries: []query{{"max by (phase) (tapline_snowflake_statement_age_seconds" + of + ")", "{{phase}}"}}, about: "It shows a statement that hangs before it has ended."},
				{title: "To sign in", unit: "s", queries: quantiles("tapline_snowflake_signin_duration_seconds", of), about: "The network, or the account's policy, if it is long."},
				{title: "In the warehouse's queue", unit: "s", queries: quantiles("tapline_snowflake_queue_duration_seconds", of), about: "The warehouse is suspended, small or shared, if it is long.", empty: "Snowflake has told how long a statement was queued."},
				{title: "To a result", unit: "s", queries: quantiles("tapline_snowflake_execution_duration_seconds", of), about: "Queueing included. A point leads to the trace with the query id."},
				{title: "To download a chunk", unit: "s", queries: quantiles("tapline_extractor_download_duration_seconds", of), about: "Repetitions included.", empty: "a result came in chunks and not in the answer itself."},
				{title: "Downloaded", unit: "Bps", queries: []query{{"sum(rate(tapline_extractor_downloaded_bytes_total" + of + "[$__rate_interval]))", "unpacked"}}, about: "Bytes of chunks.", empty: "a result came in chunks and not in the answer itself."},
				{title: "Sessions begun anew", queries: []query{{"sum(increase(tapline_extractor_retries_total[$__rate_interval]))", "all connections"}}, about: "Within an attempt, after an error that a new session may mend.", empty: "a session has been begun anew."},
			}},
		},
	}
}
