package signals

import (
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"tapline.dev/libs/telemetry"
	"tapline.dev/schemas"
	"tapline.dev/schemas/metrics"
	"tapline.dev/services/scheduler/internal/book"
)

// promise is the newest due instant by which a run should have succeeded.
type promise struct {
	due   time.Time // zero: none yet
	until time.Time // when the next one takes its place; zero if it has not been computed
}

func newKnown(f *book.Facts) *known {
	k := &known{Facts: f}
	if !f.InForce.IsZero() {
		if due, ok, err := f.Due.Next(f.CoveredTo); err == nil && ok {
			k.overdue = due
		}
	}
	return k
}

// promised is the freshness that the schedules promise now.
func (k *known) promised(now time.Time) (time.Duration, bool) {
	if k.InForce.IsZero() {
		return 0, false
	}
	if k.promise.until.IsZero() || !now.Before(k.promise.until) {
		due, found, err := k.Due.Latest(k.InForce, now.Add(-RunTime))
		if err != nil {
			return 0, false
		}
		if !found {
			due = time.Time{}
		}
		k.promise = promise{due: due, until: now.Add(time.Hour)}
		from := due
		if !found {
			from = k.InForce
		}
		if next, ok, err := k.Due.Next(from); err == nil && ok {
			k.promise.until = next.Add(RunTime)
		}
	}
	return now.Sub(k.promise.due) + k.Lookback, !k.promise.due.IsZero()
}

// fresh is the instant up to which CleverTap has what changed in the source: when the newest
// successful run began, less the lookback, for which a change may become visible late. The
// watermark says it too, but stands still while nothing changes in the table.
func (k *known) fresh() (time.Time, bool) {
	if last := k.LastSucceeded; last != nil && !last.StartedAt.IsZero() {
		return last.StartedAt.Add(-k.Lookback), true
	}
	return k.Watermark, !k.Watermark.IsZero()
}

func (k *known) health(now time.Time) string {
	switch {
	case k.LastEnded != nil && k.LastEnded.State == schemas.StateFailed:
		return metrics.HealthFailing
	case !k.overdue.IsZero() && now.Sub(k.overdue) > RunTime:
		return metrics.HealthLate
	case k.Waiting != nil && !k.Waiting.Over:
		return metrics.HealthWaiting
	case !k.HeldSince.IsZero():
		return metrics.HealthHeld
	case k.State == metrics.StateDraft, k.State == metrics.StateStopped, k.State == metrics.StatePaused:
		return metrics.HealthInactive
	}
	return metrics.HealthOK
}

// observe says the values of all series.
func (b *Board) observe(o telemetry.Observer, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	o.Set(metrics.SchedulerPartitions, float64(len(b.partitions)))
	others := map[string]bool{} // series of imports that share one are said once
	for number, p := range b.partitions {
		partition := attribute.String("partition", strconv.Itoa(int(number)))
		healths, unaccounted := map[string]int{}, 0
		for _, k := range p.imports {
			health := k.health(now)
			healths[health]++
			if due := k.NextDue; !due.IsZero() && now.Sub(due) > unaccountedAfter && !k.QueueFull {
				unaccounted++
			}
			label := b.tel.ImportLabel(k.Import)
			if label.Value.AsString() == metrics.Others && k.Import != metrics.Others {
				others[health] = true
				continue
			}
			k.observe(o, now, label, health)
		}
		for _, health := range metrics.Healths() {
			o.Set(metrics.Imports, float64(healths[health]), partition, attribute.String("health", health))
		}
		o.Set(metrics.DueUnaccounted, float64(unaccounted), partition)
		o.Set(metrics.ProjectionAge, p.projection().Seconds(), partition)
		for topic, h := range p.hidden {
			labels := []attribute.KeyValue{attribute.String("topic", topic), partition}
			o.Set(metrics.Unstable, float64(h.Records), labels...)
			age := 0.0
			if !h.Since.IsZero() {
				age = now.Sub(h.Since).Seconds()
			}
			o.Set(metrics.UnstableAge, age, labels...)
		}
	}
	for health := range others {
		o.Set(metrics.ImportHealth, 1, attribute.String("import", metrics.Others), attribute.String("health", health))
	}
}

func (k *known) observe(o telemetry.Observer, now time.Time, label attribute.KeyValue, health string) {
	o.Set(metrics.ImportInfo, 1, label, attribute.String("owner", k.Owner), attribute.String("team", k.Team), attribute.String("severity", k.Severity),
		attribute.String("account", k.Account), attribute.String("connection", k.Connection), attribute.String("type", k.Type))
	o.Set(metrics.ImportState, 1, label, attribute.String("state", k.State))
	o.Set(metrics.ImportHealth, 1, label, attribute.String("health", health))
	if last := k.LastEnded; last != nil {
		o.Set(metrics.ImportLastRun, unix(last.Time), label, attribute.String("state", last.State))
	}
	if last := k.LastSucceeded; last != nil {
		o.Set(metrics.ImportLastSuccess, unix(last.Time), label)
	}
	if !k.Watermark.IsZero() {
		o.Set(metrics.ImportWatermark, unix(k.Watermark), label)
	}
	if at, ok := k.fresh(); ok {
		o.Set(metrics.ImportFreshness, now.Sub(at).Seconds(), label)
	}
	if d, ok := k.promised(now); ok {
		o.Set(metrics.ImportFreshnessPromised, d.Seconds(), label)
	}
	if !k.InForce.IsZero() {
		overdue := 0.0
		if !k.overdue.IsZero() {
			overdue = max(now.Sub(k.overdue).Seconds(), 0)
		}
		o.Set(metrics.ImportOverdue, overdue, label)
	}
	if !k.NextDue.IsZero() {
		o.Set(metrics.ImportNextDue, unix(k.NextDue), label)
	}
	k.observeRun(o, label)
}

func (k *known) observeRun(o telemetry.Observer, label attribute.KeyValue) {
	if !k.HeldSince.IsZero() {
		o.Set(metrics.ImportHeldSince, unix(k.HeldSince), label)
	}
	if !k.Started.IsZero() {
		o.Set(metrics.ImportRunStarted, unix(k.Started), label)
		o.Set(metrics.ImportRunProgress, unix(k.Progress), label)
	}
	if w := k.Waiting; w != nil && !w.Over {
		stage := w.Stage
		if stage == "" {
			stage = schemas.StageLoad
		}
		o.Set(metrics.ImportRunWaiting, unix(w.Since), label, attribute.String("stage", stage), attribute.String("code", w.Code))
	}
	if k.Run != "" {
		for outcome, n := range byOutcome(k.Counts) {
			o.Set(metrics.ImportRunRows, float64(n), label, attribute.String("outcome", outcome))
		}
	}
}

func unix(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }
