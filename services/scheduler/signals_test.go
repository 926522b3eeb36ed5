package scheduler_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"tapline.dev/libs/telemetry/telemetrytest"
	"tapline.dev/schemas"
)

// After a restart the series of an import are there when the scheduler is ready: a
// restart leaves no gap in which an alert forgets what it waits for.
func TestSeriesExistOnceTheSchedulerIsReady(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	first := telemetrytest.New(t, "scheduler")
	r.tel = first.Telemetry
	stop := r.start()
	def := definition("users")
	def.Metadata.Owner, def.Metadata.Labels = "crm", map[string]string{"team": "growth", "severity": "page"}
	def.Spec.Destination.AccountRef, def.Spec.Source.ConnectionRef = "shop", "warehouse"
	def.Spec.Schedules = []schemas.Schedule{{Every: schemas.Duration(time.Hour)}}
	r.apply(def)
	r.await("the run of the first due instant", func() bool { return r.run("users.1").Run != "" })
	r.finish("users.1", 1, 10, 0, maximum)
	r.awaitRun("users.1", schemas.StateSucceeded)
	r.awaitTaken("users")
	stop()

	second := telemetrytest.New(t, "scheduler")
	r.tel = second.Telemetry
	r.start()
	got := second.Metrics(t, "tapline_")
	for _, series := range []string{
		`tapline_import_info{account="shop",connection="warehouse",import="users",owner="crm",severity="page",team="growth",type="profile"}`,
		`tapline_import_health{health="ok",import="users"}`,
		`tapline_import_state{import="users",state="idle"}`,
		`tapline_import_last_success_timestamp_seconds{import="users"}`,
		`tapline_import_last_run_timestamp_seconds{import="users",state="succeeded"}`,
		`tapline_import_watermark_timestamp_seconds{import="users"}`,
		`tapline_import_freshness_seconds{import="users"}`,
		`tapline_import_overdue_seconds{import="users"}`,
		`tapline_import_run_rows{import="users",outcome="loaded"}`,
		`tapline_scheduler_runs_total{import="users",state="failed"}`,
	} {
		if _, ok := got[series]; !ok {
			t.Errorf("no series %s when the scheduler is ready", series)
		}
	}
	// The next due instant is computed in the first step.
	r.await("the next due instant", func() bool {
		_, ok := second.Metrics(t, "tapline_")[`tapline_import_next_due_timestamp_seconds{import="users"}`]
		return ok
	})
	if n := got[`tapline_import_run_rows{import="users",outcome="loaded"}`]; n != 10 {
		t.Errorf("the newest run has %v loaded rows, want 10", n)
	}
	if t.Failed() {
		t.Log(strings.Join(keys(got), "\n"))
	}
}

func keys(of map[string]float64) (out []string) {
	for k := range maps.Keys(of) {
		out = append(out, k)
	}
	return out
}

// A failed run is an error in the log, with all that somebody needs to begin with.
func TestAFailedRunIsAnErrorInTheLog(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	rec := telemetrytest.New(t, "scheduler")
	r.tel = rec.Telemetry
	r.start()
	r.apply(definition("users"))
	r.command("users", schemas.CommandRun, nil)
	r.awaitRun("users.1", schemas.StateExtracting)
	const failed = `tapline_scheduler_runs_total{import="users",state="failed"}`
	if n, ok := rec.Metrics(t, "tapline_scheduler")[failed]; !ok || n != 0 {
		t.Errorf("before the first failure %s = %v, %v", failed, n, ok)
	}
	r.report("users.1", 1, func(x *schemas.Report) {
		x.Abandoned = &schemas.Abandoned{Code: "snowflake_sql", Reason: "the table does not exist", Permanent: true}
	})
	r.awaitRun("users.1", schemas.StateFailed)
	r.await("the count", func() bool { return rec.Metrics(t, "tapline_scheduler")[failed] == 1 })
	for line := range strings.Lines(rec.Logs()) {
		if strings.Contains(line, `"msg":"run failed"`) {
			for _, part := range []string{`"level":"ERROR"`, `"import":"users"`, `"run":"users.1"`, `"code":"snowflake_sql"`, `"reason":"the table does not exist"`, `"stage":"extract"`} {
				if !strings.Contains(line, part) {
					t.Errorf("the line lacks %s: %s", part, line)
				}
			}
			return
		}
	}
	t.Errorf("no line says that the run failed:\n%s", rec.Logs())
}
