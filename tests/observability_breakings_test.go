package tests

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
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

// kill kills every process of a service; begin starts them again, and waits until they work:
// a group takes as long as in a deployment to notice who is gone, however short the windows.
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
		for _, address := range o.Addresses[service] {
			harness.Eventually(t, time.Minute, service+" is ready", func() bool { return harness.Ready("http://" + address) })
		}
	}
}

// joining returns patterns with those of alerts that are told while processes that were
// started join their group.
func joining(patterns ...string) []string {
	return append(patterns, "TaplineServiceUnready{check=consuming}", "TaplineServiceUnready{check=partitions}")
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

// wrongClock serves what is at address, with a clock that is two minutes ahead, until t ends.
func wrongClock(t *testing.T, address string) string {
	t.Helper()
	to, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(to)
	proxy.ModifyResponse = func(res *http.Response) error {
		res.Header.Set("Date", time.Now().UTC().Add(2*time.Minute).Format(http.TimeFormat))
		return nil
	}
	server := httptest.NewServer(proxy)
	t.Cleanup(server.Close)
	return server.URL
}

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
			want: []string{"TaplineServiceAbsent{service=loader}"}, may: joining("TaplineReplicaDown", "TaplineFreshnessBurnsFast", "TaplineFreshnessBurnsSlowly"),
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
			// The statement is at Snowflake when this is mended, and lasts on: its run stands still.
			want: []string{"TaplineSnowflakeSlow{connection=warehouse}"}, may: append([]string{"TaplineRunStalled"}, late...),
			breakIt: slowSnowflake(40_000), mend: slowSnowflake(0),
		},
		{
			name: "the schedulers are away", inQuick: true, within: soon, overWithin: soon,
			want: []string{"TaplineSchedulerAbsent"}, may: joining("TaplineReplicaDown"),
			breakIt: kill("scheduler"), mend: begin("scheduler"),
		},
		{
			name: "the extractors are away", within: soon, overWithin: soon,
			want: []string{"TaplineExtractorAbsent"}, may: joining("TaplineReplicaDown", "TaplineFreshnessBurnsFast", "TaplineFreshnessBurnsSlowly"),
			breakIt: kill("extractor"), mend: begin("extractor"),
		},
		{
			name: "one of two mappers stopped", inQuick: true, within: soon, overWithin: soon,
			want:    []string{"TaplineReplicaDown"},
			may:     joining(late...),
			breakIt: func(_ *testing.T, o *observed) { o.Replicas["mapper"][1].Kill() },
			mend: func(t *testing.T, o *observed) {
				o.Replicas["mapper"][1].Start(t)
				harness.Eventually(t, time.Minute, "the mapper is ready", func() bool { return harness.Ready("http://" + o.Addresses["mapper"][1]) })
			},
		},
	}
}

// toldLater are breakings that an alert has to see for a while before it tells of them.
func toldLater() []breaking {
	frozen := ""
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
			// Slots are shared fairly: the small one is neither starved nor late, and nobody hears
			// of it.
			name: "a huge import beside a small one", within: soon, overWithin: long, quiet: 30 * time.Second,
			may: []string{"TaplineLagGrowing{import=huge}", "TaplineSlotsStarved{import=huge}"},
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
			name: "CleverTap's clock is wrong", within: soon, overWithin: soon,
			want: []string{"TaplineClockSkew{server=clevertap}"},
			breakIt: func(t *testing.T, o *observed) {
				o.SetAccount(t, map[string]any{"endpoint": wrongClock(t, o.Endpoints.CleverTap.URL)})
			},
			mend: func(t *testing.T, o *observed) { o.SetAccount(t, nil) },
		},
		{
			name: "a retention that is shorter than the lag", within: long, overWithin: long,
			want: []string{"TaplineRetentionShort{import=steady}"}, may: append([]string{"TaplineRunWaiting", "TaplineRunStalled", "TaplineLagGrowing"}, late...),
			breakIt: func(t *testing.T, o *observed) {
				o.ApplyText(t, strings.Replace(steady(""), "partitions: 2", "partitions: 2, recordsRetention: 1m", 1))
				name, _ := o.CLI(t, "freeze", "--import", "steady")
				frozen = strings.TrimSpace(name)
			},
			mend: func(t *testing.T, o *observed) {
				o.CLI(t, "unfreeze", frozen)
				o.ApplyText(t, steady(""))
			},
		},
		{
			name: "everything that dev holds stands still", within: long, overWithin: long,
			want: []string{"TaplineServiceUnready{check=kafka}"}, may: joining(append([]string{"TaplineServiceDegraded", "TaplineClockSkew", "TaplineProjectionStale"}, late...)...),
			breakIt: func(t *testing.T, o *observed) { o.Dev.Signal(t, syscall.SIGSTOP) },
			mend: func(t *testing.T, o *observed) {
				o.Dev.Signal(t, syscall.SIGCONT)
				harness.Eventually(t, time.Minute, "Import Center answers", func() bool { return harness.Ready(o.Admin["importcenter"]) })
			},
		},
		{
			// Last, because a budget's slow windows end it only after minutes.
			name: "a mapping that rejects every row", within: long, overWithin: 8 * time.Minute,
			want: []string{"TaplineRejectsAboveUsual{import=steady}", "TaplineCompletenessBurnsFast{type=profile}"},
			may:  append([]string{"TaplineImportFailing", "TaplineCompletenessBurnsSlowly"}, late...),
			breakIt: func(t *testing.T, o *observed) {
				o.ApplyText(t, steady("    - {from: NAME, to: visits, type: integer}\n"))
			},
			mend: func(t *testing.T, o *observed) { o.ApplyText(t, steady("")) },
		},
	}
}
