package whylate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"tapline.dev/domain/listing"
	"tapline.dev/schemas"
)

// StageSchedule is the part of the pipeline before a run's first stage.
const StageSchedule = "schedule"

// silentAfter is how long a stage that works may report nothing: three heartbeats of an
// extractor, and more than the session timeout of a consumer group's member.
const silentAfter = 45 * time.Second

// openTransactionNext is what to do about an open transaction.
const openTransactionNext = "kafka-transactions.sh list, then abort what is not Tapline's; it ends by itself after its transaction.timeout.ms"

// Explain makes the chain.
func Explain(f Facts) Explanation {
	out := Explanation{Import: f.Definition.Metadata.Name, AsOf: f.Now, Causes: []Cause{}, Unknown: append([]string{}, f.Unknown...)}
	due := unmet(f.Definition, f.State, f.Now)
	if !due.IsZero() {
		out.Due, out.LateSeconds = &due, f.Now.Sub(due).Seconds()
	}
	for _, topic := range f.Hidden {
		out.Causes = append(out.Causes, Cause{
			Code: CodeOpenTransaction, Stage: StageSchedule,
			Text: "a transaction that has been open for more than 30 s hides the newest records of " + topic + ": nobody who reads committed records gets past it until it ends",
			Next: openTransactionNext,
		})
	}
	a := f.State.Active
	if a == nil {
		out.Causes = append(out.Causes, f.idle(due)...)
		return out
	}
	out.Run, out.State = a.Run, a.State
	stopped, slow := f.running(a)
	slices.SortStableFunc(slow, func(x, y Cause) int { return cmp.Compare(y.Seconds, x.Seconds) })
	out.Causes = append(append(out.Causes, stopped...), slow...)
	if f.State.Queued != nil {
		out.Causes = append(out.Causes, f.queued()...)
	}
	return out
}

// running explains an active run: what stands still, in the order of the pipeline, and what
// works and takes its time.
func (f Facts) running(a *schemas.ActiveRun) (stopped, slow []Cause) {
	if a.State == schemas.StateHeld && a.HeldBecause != nil {
		since := a.HeldBecause.Since
		stopped = append(stopped, Cause{
			Code: CodeHeld, Stage: StageSchedule, Since: &since, Text: a.Run + " waits for a person since " + at(since) + ": " + a.HeldBecause.Reason,
			Next: "tapline get run " + a.Run + ", then tapline approve " + a.Run + " or tapline decline " + a.Run,
		})
		return stopped, nil
	}
	if absent := f.absent("scheduler", f.Topics.Reports(), StageSchedule, time.Time{}); absent != nil {
		stopped = append(stopped, *absent)
	}
	stopped = append(stopped, f.waits(a)...)
	e, eSlow := f.extraction(a)
	m, mSlow := f.mapping()
	l, lSlow := f.loading()
	stopped = append(append(append(stopped, e...), m...), l...)
	return stopped, append(append(eSlow, mSlow...), lSlow...)
}

// waits are what the services have reported that the run waits for, and freezes.
func (f Facts) waits(a *schemas.ActiveRun) (out []Cause) {
	if f.Frozen != nil {
		out = append(out, Cause{
			Code: CodeFrozen, Stage: schemas.StageLoad, Since: &f.Frozen.Since, Text: "frozen (" + f.Frozen.Name + ") by " + f.Frozen.By + tail(f.Frozen.Reason),
			Next: "tapline unfreeze " + f.Frozen.Name,
		})
	}
	if f.Run == nil || f.Run.Waiting == nil || f.Run.Waiting.Over {
		return out
	}
	w := f.Run.Waiting
	c := Cause{Stage: cmp.Or(w.Stage, schemas.StageLoad), Since: &w.Since}
	switch {
	case w.Stage == schemas.StageExtract:
		c.Code, c.Next = CodeSourceAway, "tapline connection test "+w.Account
		c.Text = "the extractor waits for Snowflake through the connection " + w.Account + " since " + at(w.Since) + ": " + w.Reason
	case w.Code == schemas.WaitingTransaction:
		if len(f.Hidden) > 0 {
			return out // it is said
		}
		c.Code, c.Stage, c.Next = CodeOpenTransaction, StageSchedule, openTransactionNext
		c.Text = a.Run + " waits in " + w.Account + ": " + w.Reason
	case w.Code == schemas.WaitingCredentials:
		c.Code, c.Next = CodeAccountRefused, "tapline account test "+w.Account
		c.Text = "CleverTap refuses the account " + w.Account + " since " + at(w.Since) + ": " + w.Reason
	case strings.HasPrefix(w.Reason, "frozen ("):
		if f.Frozen != nil {
			return out
		}
		c.Code, c.Text, c.Next = CodeFrozen, w.Reason, "tapline get freezes"
	case strings.HasPrefix(w.Reason, "the suppression list"):
		c.Code, c.Text, c.Next = CodeSuppressions, w.Reason, "look at the loaders' log; docs/suppression.md says what they need"
	default:
		c.Code, c.Next = CodeCircuitOpen, "tapline account test "+w.Account
		c.Text = "the loader holds requests to the account " + w.Account + " back since " + at(w.Since) + ": " + w.Reason
	}
	return append(out, c)
}

// absent says that nobody of a service does the work of the import's control partition. It
// is nil if somebody does, and if that is not known.
func (f Facts) absent(service, topic, stage string, since time.Time) *Cause {
	return f.absentOf(service, topic, schemas.ControlPartition(f.Definition.Metadata.Name), stage, since)
}

func (f Facts) absentOf(service, topic string, partition int32, stage string, since time.Time) *Cause {
	group, known := f.Groups[service]
	if !known || group.Members > 0 && group.Owns(topic, partition) {
		return nil
	}
	c := &Cause{Code: CodeNoService, Stage: stage, Text: "no " + service + " runs", Next: "start a " + service + "; its log says why the one before ended"}
	if last := f.lastReport(stage); last.After(since) {
		since = last
	}
	if group.Members > 0 {
		c.Code = CodeNoOwner
		c.Text = fmt.Sprintf("no %s owns partition %d of %s", service, partition, topic)
		c.Next = "look at the log of the " + service + "s: one joins the group and gets no partition, or cannot see the topic"
		if !group.Settled {
			c.Text += ": the consumer group rebalances"
			c.Next = "wait for a minute; if it goes on, a member joins and leaves again and again, and its log says why"
		}
	}
	if !since.IsZero() {
		c.Since = &since
		c.Text += "; the last sign of it is of " + at(since)
	}
	return c
}

func (f Facts) lastReport(stage string) time.Time {
	if f.Run != nil {
		if t, ok := f.Run.Stages[stage]; ok && (f.Recent == nil || f.Recent.Last[stage].Before(t.Last)) {
			return t.Last
		}
	}
	if f.Recent == nil {
		return time.Time{}
	}
	return f.Recent.Last[stage]
}

func at(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// span is a duration for people, to the second.
func span(d time.Duration) string { return schemas.Duration(d.Round(time.Second)).String() }

func tail(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}

func count(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return listing.Number(n) + " " + many
}
