package whylate_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/whylate"
)

var (
	now    = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	topics = schemas.NewTopics("t.")
)

func ago(d time.Duration) *time.Time {
	t := now.Add(-d)
	return &t
}

func owns(string, int32) bool { return true }

func healthy() map[string]whylate.Group {
	out := map[string]whylate.Group{}
	for _, s := range []string{"scheduler", "extractor", "mapper", "loader"} {
		out[s] = whylate.Group{Members: 1, Settled: true, Owns: owns}
	}
	return out
}

// facts are those of an import that is due each hour, whose last run succeeded in time and
// of which nothing runs.
func facts() whylate.Facts {
	began := now.Add(-30 * 24 * time.Hour)
	return whylate.Facts{
		Now: now, Topics: topics, Groups: healthy(), Others: map[string]schemas.State{}, Partitions: 2, Slots: 3,
		Definition: schemas.Definition{
			Metadata: schemas.Metadata{Name: "customers"}, AppliedAt: began,
			Spec: schemas.ImportSpec{
				Schedules: []schemas.Schedule{{Every: schemas.Duration(time.Hour)}}, Source: schemas.Source{ConnectionRef: "warehouse"},
				Destination: schemas.Destination{AccountRef: "eu"},
			},
		},
		State: schemas.State{
			Import: "customers", Anchor: &began, LastDue: ago(0),
			LastSucceeded: &schemas.EndedRun{Run: "customers.6", State: schemas.StateSucceeded, StartedAt: now},
			LastEnded:     &schemas.EndedRun{Run: "customers.6", State: schemas.StateSucceeded, StartedAt: now},
		},
		Recent: &whylate.Recent{
			Window: 2 * time.Minute, InFlight: map[string]int{},
			Last: map[string]time.Time{schemas.StageExtract: now, schemas.StageMap: now, schemas.StageLoad: now},
		},
	}
}

// running adds a run that began 10 minutes ago and has read and mapped all of its rows.
func running(f *whylate.Facts) {
	f.State.LastSucceeded.StartedAt, f.State.LastDue = now.Add(-61*time.Minute), ago(time.Hour)
	f.State.LastDue = ago(0)
	f.State.Active = &schemas.ActiveRun{Run: "customers.7", Number: 7, Attempt: 1, State: schemas.StateExtracting, Spec: f.Definition.Spec, StartedAt: *ago(10 * time.Minute)}
	f.Run = &schemas.Run{Run: "customers.7", Total: 1000, Counts: schemas.Counts{Read: 1000, Extracted: 1000, Mapped: 1000, Loaded: 1000}}
}

func loading(f *whylate.Facts, loaded int64) {
	running(f)
	f.State.Active.State, f.Run.Counts.Loaded = schemas.StateLoading, loaded
}

func nobody(f *whylate.Facts, service string) {
	f.Groups[service] = whylate.Group{Settled: true, Owns: func(string, int32) bool { return false }}
}

// TestCauses: each cause is named with its figures, and comes first where it is the first.
func TestCauses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		edit func(*whylate.Facts)
		want []string // codes, in their order
		says string   // of the first
		late bool
	}{
		"on time": {func(*whylate.Facts) {}, []string{"notDue"}, "the next run is due at 2026-11-24T13:00:00Z, in 1h", false},
		"a draft": {func(f *whylate.Facts) { f.Definition.Spec.Draft = true }, []string{"draft"}, "draft", false},
		"paused":  {func(f *whylate.Facts) { f.State.Paused = true; f.State.LastSucceeded = nil }, []string{"paused"}, "has paused", false},
		"stopped": {func(f *whylate.Facts) { f.State.Paused, f.State.Stopped = true, true }, []string{"stopped"}, "has stopped", false},
		"by hand": {func(f *whylate.Facts) { f.Definition.Spec.Schedules = nil }, []string{"unscheduled"}, "no schedule", false},
		"failed": {func(f *whylate.Facts) {
			f.State.LastSucceeded.StartedAt = now.Add(-2 * time.Hour)
			f.State.LastEnded = &schemas.EndedRun{Run: "customers.7", State: schemas.StateFailed, Code: "snowflake_auth", Time: now}
		}, []string{"runFailed", "notDue"}, "customers.7, which was to meet it, ended as failed at 2026-11-24T12:00:00Z (snowflake_auth)", true},
		"skipped": {func(f *whylate.Facts) {
			f.State.LastSucceeded.StartedAt = now.Add(-61 * time.Minute)
			f.State.SkippedDue = []schemas.SkippedDue{{From: *ago(time.Hour), To: now}}
		}, []string{"notDue"}, "", false},
		"no scheduler": {func(f *whylate.Facts) {
			f.State.LastDue, f.State.LastSucceeded.StartedAt = ago(time.Hour), now.Add(-59*time.Minute)
			nobody(f, "scheduler")
		}, []string{"noService"}, "no scheduler runs; the last sign of it is of 2026-11-24T12:00:00Z", true},
		"no owner of the control partition": {func(f *whylate.Facts) {
			f.State.LastDue, f.State.LastSucceeded.StartedAt = ago(time.Hour), now.Add(-59*time.Minute)
			f.Groups["scheduler"] = whylate.Group{Members: 2, Settled: false, Owns: func(_ string, p int32) bool { return p != schemas.ControlPartition("customers") }}
		}, []string{"noOwner"}, "of t.reports.v1: the consumer group rebalances", true},
		"a scheduler that does nothing": {func(f *whylate.Facts) {
			f.State.LastDue, f.State.LastSucceeded.StartedAt = ago(time.Hour), now.Add(-59*time.Minute)
		}, []string{"notActedOn"}, "2026-11-24T12:00:00Z has passed", true},
		"queued behind its own run": {func(f *whylate.Facts) {
			running(f)
			f.State.Queued = &schemas.QueuedRun{Cause: schemas.CauseSchedule, Due: ago(0), Time: now}
		}, []string{"extracting", "queued"}, "0 rows of 1,000 rows", true},
		"queued behind another import": {func(f *whylate.Facts) {
			f.Definition.Spec.After = []string{"orders"}
			f.Others["orders"] = schemas.State{Active: &schemas.ActiveRun{Run: "orders.3", State: schemas.StateLoading, StartedAt: *ago(time.Hour)}}
			f.State.Queued = &schemas.QueuedRun{Cause: schemas.CauseCommand, Actor: "maya", Time: now}
		}, []string{"queued"}, "asked for by maya) is queued since 2026-11-24T12:00:00Z behind orders.3, which it comes after and which is loading since 2026-11-24T11:00:00Z", false},
		"queued behind a failure": {func(f *whylate.Facts) {
			f.Definition.Spec.After = []string{"orders"}
			f.Others["orders"] = schemas.State{LastEnded: &schemas.EndedRun{Run: "orders.3", State: schemas.StateFailed}}
			f.State.Queued = &schemas.QueuedRun{Cause: schemas.CauseSchedule, Due: ago(0), Time: now}
		}, []string{"queued"}, "orders, which it comes after: orders.3 ended as failed", false},
		"held": {func(f *whylate.Facts) {
			running(f)
			f.State.Active.State, f.State.Active.HeldBecause = schemas.StateHeld, &schemas.Hold{Reason: "12 times the usual", Since: *ago(time.Minute)}
		}, []string{"held"}, "customers.7 waits for a person since 2026-11-24T11:59:00Z: 12 times the usual", true},
		"frozen": {func(f *whylate.Facts) {
			loading(f, 10)
			f.Frozen = &schemas.FrozenBy{Name: "eu", By: "maya", Reason: "a wrong template", Since: now}
			f.Run.Waiting = &schemas.Waiting{Account: "eu", Reason: "frozen (eu) by maya"}
		}, []string{"frozen"}, "frozen (eu) by maya: a wrong template", true},
		"refused": {func(f *whylate.Facts) {
			loading(f, 10)
			f.Run.Waiting = &schemas.Waiting{Account: "eu", Code: schemas.WaitingCredentials, Reason: "HTTP 401", Since: *ago(time.Minute)}
		}, []string{"accountRefused"}, "CleverTap refuses the account eu since 2026-11-24T11:59:00Z: HTTP 401", true},
		"circuit open": {func(f *whylate.Facts) {
			loading(f, 10)
			f.Run.Waiting = &schemas.Waiting{Account: "eu", Reason: "HTTP 503 in 6 of 6 answers", Since: *ago(time.Minute)}
		}, []string{"circuitOpen"}, "holds requests to the account eu back since", true},
		"the wait is over": {func(f *whylate.Facts) {
			loading(f, 10)
			f.Recent.Settled = 10
			f.Run.Waiting = &schemas.Waiting{Account: "eu", Reason: "HTTP 503", Over: true}
		}, []string{"loaderBehind"}, "990 records wait for a loader, 3h18m at the pace of the last minutes", true},
		"snowflake away": {func(f *whylate.Facts) {
			running(f)
			f.Run.Total, f.Run.Counts = 0, schemas.Counts{}
			f.Run.Waiting = &schemas.Waiting{Stage: schemas.StageExtract, Account: "warehouse", Reason: "no answer", Since: *ago(time.Minute)}
		}, []string{"sourceAway", "snowflake"}, "waits for Snowflake through the connection warehouse", true},
		"snowflake's queue": {func(f *whylate.Facts) {
			running(f)
			f.Run.Total, f.Run.Counts = 0, schemas.Counts{}
			f.Recent.Statement = &schemas.Statement{QueryID: "01b2", Since: *ago(5 * time.Minute), Queued: true, QueueSeconds: 280, ExecutionSeconds: 20}
		}, []string{"snowflakeQueue"}, "01b2 waits in the queue of the warehouse of warehouse since 2026-11-24T11:55:00Z (queued for 4m40s and executed for 20s so far)", true},
		"snowflake executes": {func(f *whylate.Facts) {
			running(f)
			f.Run.Total, f.Run.Counts = 0, schemas.Counts{}
			f.Recent.Statement = &schemas.Statement{QueryID: "01b2", Since: *ago(5 * time.Minute), ExecutionSeconds: 300}
		}, []string{"snowflake"}, "executes the statement 01b2", true},
		"no extractor": {func(f *whylate.Facts) {
			running(f)
			f.Run.Total, f.Run.Counts = 0, schemas.Counts{}
			nobody(f, "extractor")
		}, []string{"noService"}, "no extractor runs", true},
		"an extractor that hangs": {func(f *whylate.Facts) {
			running(f)
			f.Run.Total, f.Run.Counts = 0, schemas.Counts{}
			f.Recent.Last = map[string]time.Time{schemas.StageExtract: *ago(50 * time.Second)}
		}, []string{"silent"}, "reports nothing of it, for 50s", true},
		"waits for its next attempt": {func(f *whylate.Facts) { running(f); at := now.Add(time.Minute); f.State.Active.RetryAt = &at }, []string{"retry"}, "attempt 1 was given up; the next one begins at 2026-11-24T12:01:00Z", true},
		"no mapper": {func(f *whylate.Facts) {
			running(f)
			f.Run.Counts.Mapped, f.Run.Counts.Loaded = 400, 400
			nobody(f, "mapper")
		}, []string{"noService", "extracting"}, "600 rows wait: no mapper runs", true},
		"a partition of rows without owner": {func(f *whylate.Facts) {
			running(f)
			f.Run.Counts.Mapped, f.Run.Counts.Loaded = 400, 400
			f.Run.Stages = map[string]schemas.StageTimes{schemas.StageMap: {First: *ago(time.Hour), Last: *ago(5 * time.Minute)}}
			f.Recent.Last = map[string]time.Time{schemas.StageExtract: now}
			f.Groups["mapper"] = whylate.Group{Members: 1, Settled: true, Owns: func(_ string, p int32) bool { return p != 1 }}
		}, []string{"noOwner", "extracting"}, "600 rows wait: no mapper owns partition 1 of t.rows.customers.v1; the last sign of it is of 2026-11-24T11:55:00Z", true},
		"a mapper that stands still": {func(f *whylate.Facts) {
			running(f)
			f.Run.Counts.Mapped, f.Run.Counts.Loaded = 400, 400
			f.Recent.Last = map[string]time.Time{schemas.StageExtract: now, schemas.StageMap: *ago(time.Minute)}
		}, []string{"silent", "extracting"}, "600 rows wait for a mapper, which has reported nothing of them since 2026-11-24T11:59:00Z", true},
		"the slowest first": {func(f *whylate.Facts) {
			running(f)
			f.Run.Counts.Mapped, f.Run.Counts.Loaded = 400, 100
			f.Recent.Mapped, f.Recent.Settled = 1200, 10
		}, []string{"loaderBehind", "mapperBehind", "extracting"}, "300 records wait for a loader, 1h at the pace", true},
		"no loader": {func(f *whylate.Facts) { loading(f, 10); nobody(f, "loader") }, []string{"noService"}, "990 records wait: no loader runs", true},
		"slots": {func(f *whylate.Facts) {
			loading(f, 900)
			f.Recent.Settled, f.Recent.InFlight = 50, map[string]int{"huge": 2, "customers": 1}
		}, []string{"slots"}, "100 records wait for slots of the account eu: 3 of 3 are taken, by huge 2, customers 1, 4m at the pace", true},
		"a free slot": {func(f *whylate.Facts) {
			loading(f, 900)
			f.Recent.Settled, f.Recent.InFlight = 50, map[string]int{"huge": 2}
		}, []string{"loaderBehind"}, "100 records wait for a loader", true},
		"a foreign transaction": {func(f *whylate.Facts) { running(f); f.Hidden = []string{"t.state.v1"} }, []string{"openTransaction", "extracting"}, "hides the newest records of t.state.v1", true},
		"a transaction that the scheduler reports": {func(f *whylate.Facts) {
			loading(f, 10)
			f.Run.Waiting = &schemas.Waiting{Stage: schemas.StageControl, Account: "t.reports.v1", Code: schemas.WaitingTransaction, Reason: "waiting for another application's transaction", Since: *ago(time.Minute)}
		}, []string{"openTransaction"}, "customers.7 waits in t.reports.v1: waiting for another application's transaction", true},
		"places": {func(f *whylate.Facts) {
			running(f)
			f.State.Active.State, f.State.Active.Place = schemas.StateStarting, &schemas.Place{Source: "x"}
		}, []string{"starting"}, "which CleverTap account eu is", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := facts()
			c.edit(&f)
			got := whylate.Explain(f)
			codes := []string{}
			for _, cause := range got.Causes {
				codes = append(codes, cause.Code)
				if cause.Text == "" || cause.Stage == "" || cause.Next == "" {
					t.Errorf("a cause says too little: %+v", cause)
				}
			}
			if diff := cmp.Diff(c.want, codes); diff != "" {
				t.Fatalf("(-want +got):\n%s%+v", diff, got)
			}
			if !strings.Contains(got.Causes[0].Text, c.says) {
				t.Errorf("says %q, want %q in it", got.Causes[0].Text, c.says)
			}
			if late := got.Due != nil; late != c.late || late != (got.LateSeconds >= 0 && got.Due != nil) {
				t.Errorf("late: %v, want %v", got.Due, c.late)
			}
		})
	}
}

// TestUnknownGroupsAccuseNobody: without the right to describe groups no service is said to
// be absent.
func TestUnknownGroupsAccuseNobody(t *testing.T) {
	t.Parallel()
	f := facts()
	running(&f)
	f.Groups, f.Unknown = map[string]whylate.Group{}, []string{"which services run"}
	f.Run.Counts.Mapped, f.Run.Counts.Loaded = 400, 100
	got := whylate.Explain(f)
	for _, c := range got.Causes {
		if c.Code == whylate.CodeNoService || c.Code == whylate.CodeNoOwner {
			t.Errorf("accused: %+v", c)
		}
	}
	if diff := cmp.Diff([]string{"which services run"}, got.Unknown); diff != "" {
		t.Error(diff)
	}
}
