package replays

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/delivered"
)

// span are offsets of the rejects topic, both inclusive.
type span struct{ from, to int64 }

// spans are disjoint, because a reject is taken by one replay that succeeds at most.
type spans []span

func (s spans) sort() {
	slices.SortFunc(s, func(a, b span) int { return cmp.Compare(a.from, b.from) })
}

// has reports whether an offset lies in one of the spans, which are sorted.
func (s spans) has(offset int64) bool {
	i, found := slices.BinarySearchFunc(s, offset, func(x span, offset int64) int { return cmp.Compare(x.from, offset) })
	return found || i > 0 && offset <= s[i-1].to
}

// report takes in which rejects replays have taken, and with which columns the rejected
// rows were read.
func (c *chooser) report(rec *kafka.Record) error {
	_, kind, _ := schemas.ParseEventType(kafka.HeaderValue(rec, "ce_type"))
	if kind != schemas.ReportTaken && kind != schemas.ReportStarted {
		return nil
	}
	var r schemas.Report
	if json.Unmarshal(rec.Value, &r) != nil || r.Run != schemas.RunID(c.q.Import, r.Number) {
		return nil
	}
	switch {
	case r.Started != nil && len(r.Started.Columns) > 0:
		if i, ok := c.attempts[attempt{r.Number, r.Attempt}]; ok {
			a := &c.found.Attempts[i]
			a.Started, a.Reported = r.Started, r.Time
		}
	case r.Taken != nil:
		c.take(attempt{r.Number, r.Attempt}, r.Taken)
	}
	return nil
}

// take notes what an attempt has taken, if it lies in the topic that is there now.
func (c *chooser) take(by attempt, t *schemas.Taken) {
	own := c.q.Run
	if !t.Of(c.found.Topic) {
		c.elsewhere[by] = true
		return
	}
	for _, refs := range t.Refs {
		s := span{refs.From, refs.To}
		switch {
		case refs.Partition != c.found.Partition:
		case by == attempt{own.Number, own.Attempt}:
			c.own = append(c.own, s)
		case by.number < own.Number && !c.unfinished(by.number):
			c.taken = append(c.taken, s)
		}
	}
}

// dealtWith notes that an attempt has loaded a reject's row or rejected it again. The newest
// attempt counts: in a topic that was deleted since, an older one has dealt with another
// reject of the same offset.
func (c *chooser) dealtWith(ref schemas.RejectRef, by attempt) {
	newest := c.done[ref]
	if cmp.Or(cmp.Compare(by.number, newest.number), cmp.Compare(by.attempt, newest.attempt)) > 0 {
		c.done[ref] = by
	}
}

func (c *chooser) unfinished(number int) bool {
	return slices.ContainsFunc(c.q.Unfinished, func(r schemas.InterruptedRun) bool { return r.Number == number })
}

// loaded reads what the replays without success, and the earlier attempts of this one,
// have loaded. A profile is read anew from Snowflake, so that it does no harm to send it
// twice, and nothing is read for it.
func (c *chooser) loaded(ctx context.Context, log Log) error {
	runs := slices.Clone(c.q.Unfinished)
	if own := c.q.Run; own.Attempt > 1 {
		runs = append(runs, schemas.InterruptedRun{Number: own.Number, Attempts: own.Attempt - 1, StartedAt: own.StartedAt, RecordsTopic: own.RecordsTopic})
	}
	if len(runs) == 0 || c.q.Profiles {
		return nil
	}
	slices.SortFunc(runs, func(a, b schemas.InterruptedRun) int { return a.StartedAt.Compare(b.StartedAt) })
	found, err := delivered.ReadLoaded(ctx, log, delivered.Question{
		Import: c.q.Import, Topics: c.q.Topics, Runs: runs, Limit: c.q.Limit, Slack: c.q.Slack,
	}, func(int) bool { return true })
	if err != nil {
		return err
	}
	for id, ref := range found.Replayed {
		c.dealtWith(ref, attempt{id.Number, id.Attempt})
	}
	c.found.SentAgain = max(found.Records-int64(len(found.Replayed)), 0)
	return nil
}
