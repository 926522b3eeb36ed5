package tests

import (
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	"tapline.dev/tests/harness"
)

// late are alerts of the import itself, which follow when what it needs is away for longer
// than its schedule allows.
var late = []string{"TaplineImportLate", "TaplineFreshnessBurnsFast", "TaplineFreshnessBurnsSlowly"}

func faults(kinds string) func(*testing.T, *observed) {
	return func(t *testing.T, o *observed) { o.Faults(t, `{"faults":[`+kinds+`]}`) }
}

func slowSnowflake(ms int) func(*testing.T, *observed) {
	return func(t *testing.T, o *observed) { snowflakeFaults(t, o.Cluster, fmt.Sprintf(`{"slowQueryMs":%d}`, ms)) }
}

// kill kills every process of a service; begin starts them again.
func kill(service string) func(*testing.T, *observed) {
	return func(_ *testing.T, o *observed) {
		for _, p := range o.Replicas[service] {
			p.Kill()
		}
	}
}

func begin(service string) func(*testing.T, *observed) {
	return func(t *testing.T, o *observed) {
		for _, p := range o.Replicas[service] {
			p.Start(t)
		}
	}
}

func refuseRedis(text string) func(*testing.T, *observed) {
	return func(_ *testing.T, o *observed) { o.redis.SetError(text) }
}

// huge is an import of many rows, whose uploads take all slots while CleverTap is slow.
const huge = `apiVersion: tapline.dev/v1alpha1
kind: Import
metadata: {name: huge}
spec:
  source: {connectionRef: warehouse, query: "select A.CUSTOMER_ID || '-' || B.CUSTOMER_ID as CUSTOMER_ID, A.NAME from SHOP.PUBLIC.CUSTOMERS A cross join SHOP.PUBLIC.CUSTOMERS B"}
  destination: {accountRef: clevertap, type: profile}
  identity: {column: CUSTOMER_ID}
  mapping: [NAME -> Name]
  topic: {partitions: 2}
`

const soon, long = 60 * time.Second, 120 * time.Second

// breakings are what is broken, in an order in which one leaves nothing behind for the next.
func breakings() []breaking { return slices.Concat(toldSoon(), toldLater()) }

// toldSoon are breakings of which an alert tells within a minute, mostly of whole services.
func toldSoon() []breaking {
	return []breaking{
		{
			name: "CleverTap refuses the credentials", within: soon, overWithin: soon,
			want: []string{"TaplineAccountRefused{account=clevertap}"}, may: late,
			breakIt: faults(`{"kind":"401"}`), mend: faults(``),
		},
		{
			name: "all loaders stopped", inQuick: true, within: soon, overWithin: soon,
			want: []string{"TaplineServiceAbsent{service=loader}"}, may: []string{"TaplineReplicaDown", "TaplineFreshnessBurnsFast", "TaplineFreshnessBurnsSlowly"},
			breakIt: kill("loader"), mend: begin("loader"),
		},
		{
			name: "Redis refuses", within: soon, overWithin: soon,
			want:    []string{"TaplineServiceDegraded{check=redis}"},
			may:     []string{"TaplineProjectionStale", "TaplineServiceDegraded{check=projection}"},
			breakIt: refuseRedis("OOM command not allowed when used memory > 'maxmemory'."), mend: refuseRedis(""),
		},
		{
			name: "Snowflake is slow", within: soon, overWithin: soon,
			want: []string{"TaplineSnowflakeSlow{connection=warehouse}"}, may: late,
			breakIt: slowSnowflake(40_000), mend: slowSnowflake(0),
		},
		{
			name: "the schedulers are away", inQuick: true, within: soon, overWithin: soon,
			want: []string{"TaplineSchedulerAbsent"}, may: []string{"TaplineReplicaDown"},
			breakIt: kill("scheduler"), mend: begin("scheduler"),
		},
		{
			name: "the extractors are away", within: soon, overWithin: soon,
			want: []string{"TaplineExtractorAbsent"}, may: []string{"TaplineReplicaDown", "TaplineFreshnessBurnsFast", "TaplineFreshnessBurnsSlowly"},
			breakIt: kill("extractor"), mend: begin("extractor"),
		},
		{
			name: "one of two mappers stopped", inQuick: true, within: soon, overWithin: soon,
			want:    []string{"TaplineReplicaDown"},
			may:     late,
			breakIt: func(_ *testing.T, o *observed) { o.Replicas["mapper"][1].Kill() },
			mend:    func(t *testing.T, o *observed) { o.Replicas["mapper"][1].Start(t) },
		},
	}
}

// toldLater are breakings that an alert has to see for a while before it tells of them.
func toldLater() []breaking {
	return []breaking{
		{
			name: "CleverTap answers 500", inQuick: true, within: long, overWithin: long,
			want: []string{"TaplineCircuitOpen{account=clevertap}"}, may: late,
			breakIt: faults(`{"kind":"500"}`), mend: faults(``),
		},
		{
			// An upload every ten seconds is little to measure a share by.
			name: "CleverTap answers 429 to half of the requests", within: 4 * time.Minute, overWithin: long,
			want: []string{"TaplineAccountThrottled{account=clevertap}"}, may: late,
			breakIt: faults(`{"kind":"429","share":0.5}`), mend: faults(``),
		},
		{
			name: "a mapping that rejects every row", within: long, overWithin: long,
			want: []string{"TaplineImportFailing{import=steady}"},
			may:  append([]string{"TaplineRejectsAboveUsual", "TaplineCompletenessBurnsFast", "TaplineCompletenessBurnsSlowly"}, late...),
			breakIt: func(t *testing.T, o *observed) {
				o.ApplyText(t, steady("    - {from: NAME, to: visits, type: integer}\n"))
			},
			mend: func(t *testing.T, o *observed) { o.ApplyText(t, steady("")) },
		},
		{
			name: "a huge import beside a small one", within: long, overWithin: long,
			want: []string{"TaplineSlotsStarved{import=steady}"},
			may:  append([]string{"TaplineSlotsStarved", "TaplineLagGrowing", "TaplineRunStalled"}, late...),
			breakIt: func(t *testing.T, o *observed) {
				o.Faults(t, `{"faults":[{"kind":"latency","latencyMs":3000}]}`)
				o.ApplyText(t, huge)
				o.Trigger(t, "huge")
			},
			mend: func(t *testing.T, o *observed) {
				faults(``)(t, o)
				o.CLI(t, "delete", "import", "huge", "--topics", "remove", "--cancel", "--yes")
			},
		},
		{
			name: "everything that dev holds stands still", within: long, overWithin: long,
			want: []string{"TaplineServiceUnready{check=kafka}"}, may: append([]string{"TaplineServiceDegraded", "TaplineClockSkew", "TaplineProjectionStale"}, late...),
			breakIt: func(t *testing.T, o *observed) { o.Dev.Signal(t, syscall.SIGSTOP) },
			mend: func(t *testing.T, o *observed) {
				o.Dev.Signal(t, syscall.SIGCONT)
				harness.Eventually(t, time.Minute, "Import Center answers", func() bool { return harness.Ready(o.Admin["importcenter"]) })
			},
		},
	}
}
