package whylate

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"tapline.dev/schemas"
)

// extraction explains what the extractor does, or does not do.
func (f Facts) extraction(a *schemas.ActiveRun) (stopped, slow []Cause) {
	name, connection := a.Run, a.Spec.Source.ConnectionRef
	switch {
	case a.State == schemas.StateStarting:
		return f.starting(a), nil
	case a.RetryAt != nil:
		return []Cause{{
			Code: CodeRetry, Stage: schemas.StageExtract,
			Text: fmt.Sprintf("attempt %d was given up; the next one begins at %s, or once the rows of it have an outcome", a.Attempt, at(*a.RetryAt)), Next: "tapline get run " + name,
		}}, nil
	case a.State != schemas.StateExtracting:
		return nil, nil
	}
	if absent := f.absent("extractor", f.Topics.Triggers(), schemas.StageExtract, a.StartedAt); absent != nil {
		return []Cause{*absent}, nil
	}
	if f.Recent == nil || f.Run == nil {
		return nil, nil
	}
	last := f.Recent.Last[schemas.StageExtract]
	if quiet := f.Now.Sub(later(last, a.StartedAt)); quiet > silentAfter {
		return []Cause{{
			Code: CodeSilent, Stage: schemas.StageExtract, Since: since(later(f.lastReport(schemas.StageExtract), a.StartedAt)),
			Text: "an extractor owns the run's partition and reports nothing of it, for " + span(quiet) + " at least: it hangs, or it executes as many runs as it may",
			Next: "look at the extractor's log, at its runs that go on (tapline get runs --state extracting), and at its concurrent attempts (docs/reference/configuration.md)",
		}}, nil
	}
	if f.Run.Total == 0 && f.Run.Counts.Read == 0 {
		return nil, []Cause{f.statement(a, connection)}
	}
	left, seconds := f.Run.Total-f.Run.Counts.Read, 0.0
	if t, ok := f.Run.Stages[schemas.StageExtract]; ok && f.Run.Counts.Read > 0 && left > 0 {
		seconds = float64(left) * t.Last.Sub(t.First).Seconds() / float64(f.Run.Counts.Read)
	}
	return nil, []Cause{{
		Code: CodeExtracting, Stage: schemas.StageExtract, Records: max(left, 0), Seconds: seconds,
		Text: count(max(left, 0), "row", "rows") + " of " + count(f.Run.Total, "row", "rows") + " of Snowflake's result are still to be read" + pace(seconds), Next: "tapline get run " + name,
	}}
}

// statement explains a statement that Snowflake has not answered.
func (f Facts) statement(a *schemas.ActiveRun, connection string) Cause {
	c := Cause{Code: CodeSnowflake, Stage: schemas.StageExtract, Since: since(a.StartedAt), Next: "tapline connection test " + connection}
	st := f.Recent.Statement
	if st == nil {
		c.Text = "Snowflake has not answered the query since " + at(a.StartedAt) + "; whether it is signed in to, queues or executes is not known yet"
		if f.Run.QueryID != "" {
			c.Text = "Snowflake works on the statement " + f.Run.QueryID + " since " + at(a.StartedAt)
		}
		return c
	}
	c.Since, c.Seconds = since(st.Since), f.Now.Sub(st.Since).Seconds()
	c.Next = "look at the statement in Snowflake's query history: " + st.QueryID
	figures := fmt.Sprintf("queued for %s and executed for %s so far", span(seconds(st.QueueSeconds)), span(seconds(st.ExecutionSeconds)))
	if st.Queued {
		c.Code = CodeSnowflakeQueue
		c.Text = "the statement " + st.QueryID + " waits in the queue of the warehouse of " + connection + " since " + at(st.Since) + " (" + figures + ")"
		c.Next = "SHOW WAREHOUSES in Snowflake: the warehouse is full, too small or being resumed"
		return c
	}
	c.Text = "Snowflake executes the statement " + st.QueryID + " through " + connection + " since " + at(st.Since) + " (" + figures + ")"
	return c
}

// starting explains a run that waits until extractor and loader have said what the
// definition's references resolve to.
func (f Facts) starting(a *schemas.ActiveRun) (out []Cause) {
	began := a.StartedAt
	if a.Place == nil || a.Place.Source == "" {
		if c := f.absent("extractor", f.Topics.Triggers(), schemas.StageExtract, began); c != nil {
			return []Cause{*c}
		}
		out = append(out, Cause{
			Code: CodeStarting, Stage: schemas.StageExtract, Since: &began,
			Text: "the extractor has not said since " + at(began) + " which Snowflake account " + a.Spec.Source.ConnectionRef + " is: a secret of it cannot be read, or the extractor is behind",
			Next: "tapline connection test " + a.Spec.Source.ConnectionRef,
		})
	}
	if a.Place == nil || a.Place.Target == "" {
		if g, known := f.Groups["loader"]; known && g.Members == 0 {
			return append(out, Cause{Code: CodeNoService, Stage: schemas.StageLoad, Since: &began, Text: "no loader runs", Next: "start a loader; its log says why the one before ended"})
		}
		out = append(out, Cause{
			Code: CodeStarting, Stage: schemas.StageLoad, Since: &began,
			Text: "the loader has not said since " + at(began) + " which CleverTap account " + a.Spec.Destination.AccountRef + " is: a secret of it cannot be read, or the loader is behind",
			Next: "tapline account test " + a.Spec.Destination.AccountRef,
		})
	}
	return out
}

// mapping explains rows that no mapper has mapped.
func (f Facts) mapping() (stopped, slow []Cause) {
	if f.Run == nil {
		return nil, nil
	}
	c := f.Run.Counts
	waiting := c.Extracted - c.Mapped - c.MapRejected - c.MapSkipped
	if waiting <= 0 {
		return nil, nil
	}
	topic := f.Topics.Rows(f.Definition.Metadata.Name)
	if absent := f.unowned("mapper", topic, schemas.StageMap, waiting, "row waits", "rows wait"); absent != nil {
		return []Cause{*absent}, nil
	}
	return f.behind(CodeMapperBehind, "mapper", schemas.StageMap, waiting, f.recentMapped(), "row waits", "rows wait")
}

// loading explains records that no loader has sent.
func (f Facts) loading() (stopped, slow []Cause) {
	if f.Run == nil {
		return nil, nil
	}
	c := f.Run.Counts
	waiting := c.Mapped - c.Loaded - c.LoadRejected - c.LoadSkipped
	if waiting <= 0 {
		return nil, nil
	}
	topic := f.Topics.Records(f.Definition.Metadata.Name)
	if absent := f.unowned("loader", topic, schemas.StageLoad, waiting, "record waits", "records wait"); absent != nil {
		return []Cause{*absent}, nil
	}
	if c, taken := f.slotsTaken(waiting); taken {
		return nil, []Cause{c}
	}
	if f.Run.Waiting != nil && !f.Run.Waiting.Over || f.Frozen != nil {
		return nil, nil // what it waits for is said
	}
	return f.behind(CodeLoaderBehind, "loader", schemas.StageLoad, waiting, f.recentSettled(), "record waits", "records wait")
}

// unowned says that rows or records wait and that a partition of them has no owner.
func (f Facts) unowned(service, topic, stage string, waiting int64, one, many string) *Cause {
	for p := range int32(f.Partitions) {
		if c := f.absentOf(service, topic, p, stage, time.Time{}); c != nil {
			c.Records = waiting
			c.Text = count(waiting, one, many) + ": " + c.Text
			return c
		}
	}
	return nil
}

// slotsTaken says who has the account's slots, if they are all taken.
func (f Facts) slotsTaken(waiting int64) (Cause, bool) {
	if f.Recent == nil || f.Slots == 0 {
		return Cause{}, false
	}
	busy := 0
	for _, n := range f.Recent.InFlight {
		busy += n
	}
	if busy < f.Slots {
		return Cause{}, false
	}
	names := slices.SortedFunc(maps.Keys(f.Recent.InFlight), func(a, b string) int {
		if d := f.Recent.InFlight[b] - f.Recent.InFlight[a]; d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	var have []string
	for _, name := range names {
		have = append(have, fmt.Sprintf("%s %d", name, f.Recent.InFlight[name]))
	}
	account := f.Definition.Spec.Destination.AccountRef
	seconds := f.recentSettled().seconds(waiting)
	return Cause{
		Code: CodeSlots, Stage: schemas.StageLoad, Records: waiting, Seconds: seconds,
		Text: fmt.Sprintf("%s for slots of the account %s: %d of %d are taken, by %s", count(waiting, "record waits", "records wait"), account, busy, f.Slots, strings.Join(have, ", ")) + pace(seconds),
		Next: "wait, or give the import a greater weight; docs/operations.md says what slots are",
	}, true
}

// behind says that a stage works and has not caught up, or that it stands still.
func (f Facts) behind(code, service, stage string, waiting int64, recent rate, one, many string) (stopped, slow []Cause) {
	text := count(waiting, one, many) + " for a " + service
	seconds := recent.seconds(waiting)
	if recent.n > 0 {
		return nil, []Cause{{Code: code, Stage: stage, Records: waiting, Seconds: seconds, Text: text + pace(seconds), Next: "tapline get run " + f.State.Active.Run}}
	}
	last := f.lastReport(stage)
	if f.Recent == nil || f.Now.Sub(later(last, f.State.Active.StartedAt)) < silentAfter {
		return nil, []Cause{{Code: code, Stage: stage, Records: waiting, Text: text, Next: "tapline get run " + f.State.Active.Run}}
	}
	c := Cause{Code: CodeSilent, Stage: stage, Records: waiting, Text: text + ", which has reported nothing of them for " + span(f.Recent.Window) + " at least", Next: "look at the log of the " + service + "s"}
	if !last.IsZero() {
		c.Since = &last
		c.Text = text + ", which has reported nothing of them since " + at(last)
	}
	return []Cause{c}, nil
}

// rate is how many got an outcome within a time.
type rate struct {
	n      int64
	within time.Duration
}

func (f Facts) recentMapped() rate {
	if f.Recent == nil {
		return rate{}
	}
	return rate{f.Recent.Mapped, f.Recent.Window}
}

func (f Facts) recentSettled() rate {
	if f.Recent == nil {
		return rate{}
	}
	return rate{f.Recent.Settled, f.Recent.Window}
}

// seconds is how long n take at the rate; 0 if there is none.
func (r rate) seconds(n int64) float64 {
	if r.n == 0 {
		return 0
	}
	return float64(n) * r.within.Seconds() / float64(r.n)
}

func pace(s float64) string {
	if s == 0 {
		return ""
	}
	return ", " + span(seconds(s)) + " at the pace of the last minutes"
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func since(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
