package rules

import (
	"fmt"
	"strings"
	"time"
)

// controlPartitions is how many partitions each control topic has.
const controlPartitions = 4

// absent is about a service whose partitions somebody must own.
func absent(service string) string {
	return fmt.Sprintf("sum(tapline_%[1]s_partitions) < %[2]d\nor absent(tapline_build_info{service=%[1]q})", service, controlPartitions)
}

func absentServices(services ...string) string {
	for i, s := range services {
		services[i] = fmt.Sprintf("absent(tapline_build_info{service=%q})", s)
	}
	return strings.Join(services, "\nor ")
}

func build(service, values string) Series {
	return Series{fmt.Sprintf(`tapline_build_info{service=%q, version="v1"}`, service), values}
}

func services() Group {
	return Group{Name: "tapline-services", Alerts: append(gone(), unwell()...)}
}

// gone are about services that do not run.
func gone() []Alert {
	return []Alert{
		{
			Name: "TaplineExtractorAbsent", Severity: Page, Scope: "service", For: 2 * time.Minute,
			Expr:        absent("extractor"),
			Summary:     "No extractor does the work of some imports",
			Description: "Runs of these imports do not begin to read. Nothing is lost. First: are the extractors running and ready? tapline doctor",
			At:          4 * time.Minute,
			Fires:       []Series{build("extractor", "1x10"), {`tapline_extractor_partitions{instance="a"}`, "3x10"}},
			Quiet:       []Series{build("extractor", "1x10"), {`tapline_extractor_partitions{instance="a"}`, "1x10"}, {`tapline_extractor_partitions{instance="b"}`, "3x10"}},
		},
		{
			Name: "TaplineSchedulerAbsent", Severity: Page, Scope: "service", For: 2 * time.Minute,
			Expr:        absent("scheduler"),
			Summary:     "No scheduler does the work of some imports",
			Description: "No run of these imports starts and none ends, and nothing says how they are. Nothing is lost, and due instants are made up for. First: are the schedulers running and ready? tapline doctor",
			At:          4 * time.Minute,
			Fires:       []Series{build("loader", "1x10")},
			Quiet:       []Series{build("scheduler", "1x10"), {`tapline_scheduler_partitions{instance="a"}`, "4x10"}},
		},
		{
			Name: "TaplineServiceAbsent", Severity: Page, Scope: "service", For: 2 * time.Minute,
			Expr:        absentServices("mapper", "loader", "importcenter"),
			Summary:     "No {{ $labels.service }} runs",
			Description: "Without a mapper or a loader rows wait in Kafka, and without Import Center nobody can look or ask; the other stages go on. First: tapline doctor",
			At:          4 * time.Minute, Labels: map[string]string{"service": "loader"},
			Fires: []Series{build("mapper", "1x10"), build("importcenter", "1x10")},
			Quiet: []Series{build("mapper", "1x10"), build("importcenter", "1x10"), build("loader", "1x10")},
		},
		{
			Name: "TaplineReplicaDown", Severity: Ticket, Scope: "service", For: 5 * time.Minute,
			Expr:        `up{job="tapline"} == 0`,
			Summary:     "{{ $labels.instance }} does not answer",
			Description: "A replica is down or cannot be reached. If it was the last of its service, another alert says so. First: its log",
			At:          7 * time.Minute, Labels: map[string]string{"instance": "a:1"},
			Fires: []Series{{`up{job="tapline", instance="a:1"}`, "0x10"}},
			Quiet: []Series{{`up{job="tapline", instance="a:1"}`, "0x2 1x10"}},
		},
		{
			Name: "TaplineDeadMansSwitch", Severity: None,
			Expr:        "vector(1)",
			Summary:     "Alerting works",
			Description: "It always fires. Send it to something outside that tells you when it stops",
			At:          2 * time.Minute,
			Fires:       []Series{build("loader", "1x10")},
		},
	}
}

// unwell are about services that run and lack something.
func unwell() []Alert {
	return []Alert{
		{
			Name: "TaplineServiceUnready", Severity: Page, Scope: "service", For: 2 * time.Minute,
			Expr:        `count by (check) (tapline_health_check{effect="unready"} == 0)`,
			Summary:     "{{ $value }} processes are not ready: {{ $labels.check }}",
			Description: "What depends on it stands still and goes on by itself. First: /readyz?verbose of the admin address says why",
			At:          4 * time.Minute, Labels: map[string]string{"check": "kafka"},
			Fires: []Series{{`tapline_health_check{instance="a", check="kafka", effect="unready"}`, "0x10"}, {`tapline_health_check{instance="b", check="kafka", effect="unready"}`, "0x10"}},
			Quiet: []Series{{`tapline_health_check{instance="a", check="kafka", effect="unready"}`, "1x10"}, {`tapline_health_check{instance="a", check="redis", effect="degraded"}`, "0x10"}},
		},
		{
			Name: "TaplineServiceDegraded", Severity: Ticket, Scope: "service", For: 2 * time.Minute,
			Expr:        `count by (check) (tapline_health_check{effect="degraded"} == 0)`,
			Summary:     "{{ $value }} processes do without something: {{ $labels.check }}",
			Description: "Imports go on. Without Redis lists are old, loaders share slots evenly, and the next run of an import may send its window again. First: /readyz?verbose of the admin address says why",
			At:          4 * time.Minute, Labels: map[string]string{"check": "redis"},
			Fires: []Series{{`tapline_health_check{instance="a", check="redis", effect="degraded"}`, "0x10"}},
			Quiet: []Series{{`tapline_health_check{instance="a", check="redis", effect="degraded"}`, "0 1x10"}},
		},
		{
			Name: "TaplineClockSkew", Severity: Ticket, Scope: "service", For: 5 * time.Minute,
			Expr:        "max by (instance, server) (abs(tapline_clock_skew_seconds)) > 30",
			Summary:     "The clocks of {{ $labels.instance }} and of {{ $labels.server }} differ by {{ $value | humanizeDuration }}",
			Description: "Runs may start early or late, and ages are wrong by as much. No due instant is lost over steps of up to two hours. First: is time synchronisation running on that machine?",
			At:          7 * time.Minute, Labels: map[string]string{"server": "snowflake"},
			Fires: []Series{{`tapline_clock_skew_seconds{instance="a:1", server="snowflake"}`, "-45x20"}},
			Quiet: []Series{{`tapline_clock_skew_seconds{instance="a:1", server="snowflake"}`, "2x20"}},
		},
		{
			Name: "TaplineExpiresSoon", Severity: Ticket, Scope: "service",
			Expr: `label_replace(min by (use) (tapline_certificate_expiry_timestamp_seconds) - time() < {=14d}, "what", "certificate of $1", "use", "(.*)")` + "\n" +
				`or label_replace(min by (key) (tapline_importcenter_key_expiry_timestamp_seconds) - time() < {=7d}, "what", "API key $1", "key", "(.*)")`,
			Summary:     "The {{ $labels.what }} expires in {{ $value | humanizeDuration }}",
			Description: "What shows it is refused from then on. A certificate may be replaced at any time, it is read again; of a key make a new one first. First: tapline keys list, or look at the certificate",
			At:          2 * time.Minute, Labels: map[string]string{"what": "API key airflow"},
			Fires: []Series{{`tapline_importcenter_key_expiry_timestamp_seconds{key="airflow"}`, "500000x10"}},
			Quiet: []Series{{`tapline_importcenter_key_expiry_timestamp_seconds{key="airflow"}`, "700000x10"}, {`tapline_certificate_expiry_timestamp_seconds{use="api"}`, "2000000x10"}},
		},
	}
}
