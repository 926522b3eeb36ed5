package rules

import (
	"fmt"
	"time"
)

// byStage is a metric that mapper and loader have, by import and stage.
func byStage(metric string) string {
	return fmt.Sprintf(`label_replace(max by (import) (tapline_mapper_%[1]s), "stage", "map", "", "")`+
		"\n"+`or label_replace(max by (import) (tapline_loader_%[1]s), "stage", "load", "", "")`, metric)
}

// grown is how many more records wait than a while ago, by import and stage.
const grown = `label_replace(sum by (import) (tapline_mapper_lag) - sum by (import) (tapline_mapper_lag offset {10m}), "stage", "map", "", "")
or label_replace(sum by (import) (tapline_loader_lag) - sum by (import) (tapline_loader_lag offset {10m}), "stage", "load", "", "")`

func pipeline() Group {
	return Group{Name: "tapline-pipeline", Alerts: []Alert{
		{
			Name: "TaplineLagGrowing", Severity: Ticket, Scope: "import", For: 10 * time.Minute,
			Expr: whose("(" + byStage("lag_age_seconds") + ") > {=10m}\n" +
				"and on (import, stage) (" + grown + ") >= 0"),
			Summary:     "Stage {{ $labels.stage }} of import {{ $labels.import }} falls behind",
			Description: "Its oldest record is {{ $value | humanizeDuration }} old, and what waits does not get less. First: tapline why-late {{ $labels.import }}",
			At:          40 * time.Minute, Labels: map[string]string{"import": "orders", "owner": "ann", "stage": "load"},
			Fires: []Series{info(), orders("tapline_loader_lag_age_seconds", "", "0+60x60"), orders("tapline_loader_lag", "", "0+100x60")},
			Quiet: []Series{info(), orders("tapline_loader_lag_age_seconds", "", "0+60x60"), orders("tapline_loader_lag", "", "10000-100x60")},
		},
		{
			Name: "TaplineRetentionShort", Severity: Page, Own: true, Scope: "import", For: time.Minute,
			Expr:        whose("(" + byStage("retention_used_ratio") + ") > 0.5"),
			Summary:     "Kafka is about to delete rows of import {{ $labels.import }} that stage {{ $labels.stage }} has not read",
			Description: "{{ $value | humanizePercentage }} of the topic's retention are used up. At 100 % the run fails, its watermark does not move, and the next run reads the rows from Snowflake again. First: tapline why-late {{ $labels.import }}",
			At:          5 * time.Minute, Labels: map[string]string{"import": "orders", "stage": "map", "team": "growth"},
			Fires: []Series{info(), orders("tapline_mapper_retention_used_ratio", "", "0.6x20")},
			Quiet: []Series{info(), orders("tapline_mapper_retention_used_ratio", "", "0.3x20"), orders("tapline_loader_retention_used_ratio", "", "0.1x20")},
		},
		{
			Name: "TaplineMappingStandsStill", Severity: Page, Own: true, Scope: "import", For: 5 * time.Minute,
			Expr:        whose("sum by (import) (increase(tapline_mapper_holds_total[{10m}])) > 0"),
			Summary:     "Rows of import {{ $labels.import }} cannot be mapped",
			Description: "The mapper lacks something of it, gives the rows back and tries again every minute. Other imports go on. First: the mapper's log says the reason",
			At:          12 * time.Minute, Labels: ofOrders(),
			Fires: []Series{info(), orders("tapline_mapper_holds_total", "", "0+1x30")},
			Quiet: []Series{info(), orders("tapline_mapper_holds_total", "", "5x30")},
		},
		{
			Name: "TaplineTransactionOpen", Severity: Page, Scope: "pipeline",
			// Not shortened: a transaction of Tapline's takes as long in a test.
			Expr:        "max by (topic, partition) (tapline_kafka_unstable_age_seconds) > 60",
			Summary:     "A transaction of another application hides records of {{ $labels.topic }}, partition {{ $labels.partition }}",
			Description: "It has been open for {{ $value | humanizeDuration }}; the imports of that control partition wait. Kafka ends it after the client's timeout, at most 15 minutes. First: kafka-transactions.sh find-hanging",
			At:          3 * time.Minute, Labels: map[string]string{"topic": "reports", "partition": "2"},
			Fires: []Series{{`tapline_kafka_unstable_age_seconds{topic="reports", partition="2"}`, "0+60x10"}},
			Quiet: []Series{{`tapline_kafka_unstable_age_seconds{topic="reports", partition="2"}`, "20x10"}},
		},
		{
			Name: "TaplineProjectionStale", Severity: Ticket, Scope: "pipeline", For: time.Minute,
			// Not shortened: a takeover takes as long in a test.
			Expr:        "max(tapline_scheduler_projection_age_seconds) > 120",
			Summary:     "Lists and runs are shown as they were {{ $value | humanizeDuration }} ago",
			Description: "Redis does not take what schedulers write. Imports go on; what people see is old, and so are health and late in it. First: tapline doctor",
			At:          6 * time.Minute,
			Fires:       []Series{{`tapline_scheduler_projection_age_seconds{partition="1"}`, "0+60x20"}},
			Quiet:       []Series{{`tapline_scheduler_projection_age_seconds{partition="1"}`, "0x3 30x20"}},
		},
		{
			Name: "TaplineRecordUnreadable", Severity: Ticket, Scope: "pipeline",
			Expr:        "max by (topic) (tapline_kafka_unreadable_total) > 0\nor max by (topic) (tapline_scheduler_unreadable_total) > 0",
			Summary:     "A record of {{ $labels.topic }} cannot be read",
			Description: "The import or resource of that record stands still until it is written again. Others go on. First: the log names topic, partition and offset",
			At:          2 * time.Minute, Labels: map[string]string{"topic": "imports"},
			Fires: []Series{{`tapline_kafka_unreadable_total{topic="imports"}`, "1x10"}},
			Quiet: []Series{{`tapline_kafka_unreadable_total{topic="imports"}`, "0x10"}},
		},
		{
			Name: "TaplineDueUnaccounted", Severity: Page, Scope: "pipeline", For: 2 * time.Minute,
			Expr:        "max(tapline_scheduler_due_unaccounted) > 0",
			Summary:     "{{ $value }} due instants have passed and nothing stands for them",
			Description: "A scheduler runs and does not do its work. First: the scheduler's log, then restart it; due instants are made up for",
			At:          5 * time.Minute,
			Fires:       []Series{{`tapline_scheduler_due_unaccounted{partition="1"}`, "2x20"}},
			Quiet:       []Series{{`tapline_scheduler_due_unaccounted{partition="1"}`, "2 0x20"}},
		},
	}}
}
