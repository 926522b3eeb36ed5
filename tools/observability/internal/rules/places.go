package rules

import "time"

// accounts are what is about a CleverTap account or a Snowflake connection: a state of it,
// never of a service.
func accounts() Group {
	main := func(metric, labels, values string) Series {
		if labels != "" {
			labels = ", " + labels
		}
		return Series{metric + `{account="main"` + labels + "}", values}
	}
	warehouse := func(metric, labels, values string) Series {
		if labels != "" {
			labels = ", " + labels
		}
		return Series{metric + `{connection="warehouse"` + labels + "}", values}
	}
	ofMain, ofWarehouse := map[string]string{"account": "main"}, map[string]string{"connection": "warehouse"}
	return Group{Name: "tapline-accounts", Alerts: []Alert{
		{
			Name: "TaplineAccountRefused", Severity: Page, Scope: "account", For: time.Minute,
			Expr:        "max by (account) (tapline_loader_account_refused) == 1",
			Summary:     "CleverTap refuses the credentials of account {{ $labels.account }}",
			Description: "Nothing is sent to it. Runs wait and go on by themselves; rows are kept for the retention of their topics. First: tapline account test {{ $labels.account }}",
			At:          3 * time.Minute, Labels: ofMain,
			Fires: []Series{main("tapline_loader_account_refused", "", "1x10")},
			Quiet: []Series{main("tapline_loader_account_refused", "", "0x10")},
		},
		{
			Name: "TaplineCircuitOpen", Severity: Page, Scope: "account", For: 5 * time.Minute,
			Expr:        "max by (account) (tapline_loader_circuit_open) == 1",
			Summary:     "CleverTap does not take what is sent to account {{ $labels.account }}",
			Description: "Requests are held back and the account is probed. Runs wait and go on by themselves. First: tapline account test {{ $labels.account }}",
			At:          7 * time.Minute, Labels: ofMain,
			Fires: []Series{main("tapline_loader_circuit_open", "", "1x20")},
			Quiet: []Series{main("tapline_loader_circuit_open", "", "1x2 0x20")},
		},
		{
			Name: "TaplineAccountThrottled", Severity: Ticket, Scope: "account", For: 10 * time.Minute,
			Expr: `sum by (account) (rate(tapline_loader_requests_total{result="throttled"}[{10m}]))` + "\n" +
				"/ sum by (account) (rate(tapline_loader_requests_total[{10m}])) > 0.1",
			Summary:     "CleverTap answers {{ $value | humanizePercentage }} of the requests of account {{ $labels.account }} with 429",
			Description: "Imports are slower than they could be. Something else probably sends to the account, or its limit is lower than thought. First: tapline describe account {{ $labels.account }}",
			At:          30 * time.Minute, Labels: ofMain,
			Fires: []Series{main("tapline_loader_requests_total", `result="throttled"`, "0+30x60"), main("tapline_loader_requests_total", `result="done"`, "0+60x60")},
			Quiet: []Series{main("tapline_loader_requests_total", `result="throttled"`, "0+1x60"), main("tapline_loader_requests_total", `result="done"`, "0+60x60")},
		},
		{
			Name: "TaplineSlotsStarved", Severity: Ticket, Scope: "import", For: time.Minute,
			Expr:        whose("max by (import) (tapline_loader_slot_waiting_age_seconds) > {=10m}"),
			Summary:     "Records of import {{ $labels.import }} get no slot",
			Description: "They have been ready for {{ $value | humanizeDuration }} while others used the slots of the account. First: tapline why-late {{ $labels.import }}",
			At:          20 * time.Minute, Labels: map[string]string{"import": "orders", "owner": "ann", "team": "growth"},
			Fires: []Series{info(), main("tapline_loader_slot_waiting_age_seconds", `import="orders"`, "0+60x60")},
			Quiet: []Series{info(), main("tapline_loader_slot_waiting_age_seconds", `import="orders"`, "300x60")},
		},
		{
			Name: "TaplineConnectionRefused", Severity: Page, Scope: "connection", For: time.Minute,
			Expr:        "max by (connection) (tapline_snowflake_connection_refused) == 1",
			Summary:     "Snowflake refuses the credentials of connection {{ $labels.connection }}",
			Description: "Nothing is read by it. Runs wait and go on by themselves. First: tapline connection test {{ $labels.connection }}",
			At:          3 * time.Minute, Labels: ofWarehouse,
			Fires: []Series{warehouse("tapline_snowflake_connection_refused", "", "1x10")},
			Quiet: []Series{warehouse("tapline_snowflake_connection_refused", "", "0x10")},
		},
		{
			Name: "TaplineSnowflakeSlow", Severity: Ticket, Scope: "connection",
			Expr:        `max by (connection, phase) (tapline_snowflake_statement_age_seconds{phase=~"signin|execute"}) > {=15m}`,
			Summary:     "Snowflake is slow for connection {{ $labels.connection }}: {{ $labels.phase }}",
			Description: "A statement has been at it for {{ $value | humanizeDuration }}. Its run goes on once Snowflake answers. First: the query id in tapline get runs, then Snowflake's query history",
			At:          20 * time.Minute, Labels: ofWarehouse,
			Fires: []Series{warehouse("tapline_snowflake_statement_age_seconds", `phase="execute"`, "0+60x60")},
			Quiet: []Series{warehouse("tapline_snowflake_statement_age_seconds", `phase="download"`, "0+60x60")},
		},
	}}
}
