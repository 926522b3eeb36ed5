// Package replays finds out which rejects a replay is still to take. All of it is in the
// log: the rejects topic has the rejects, and the reports say which of them replays have
// taken. Of a replay that did not succeed, the receipts and the records say which rows
// are loaded, and the rejects which were rejected again; the rest is still to be taken.
package replays

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"tapline.dev/domain/runs"
	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/delivered"
	"tapline.dev/services/extractor/internal/failure"
)

// Log reads the topics.
type Log interface {
	delivered.Log
	StartOffset(ctx context.Context, tp kafka.TP) (int64, error)
}

// Question says which replay is to choose, and among what.
type Question struct {
	Import   string
	Topics   schemas.Topics
	Profiles bool // profiles are read again from Snowflake, by their identity
	Run      schemas.ActiveRun
	// Unfinished are the replays that have taken rejects and did not succeed.
	Unfinished []schemas.InterruptedRun
	// Dismissed is the last run whose rejects a person has given up. They are taken only if
	// the replay has a filter that selects them.
	Dismissed int
	Limit     int // of rejects
	Slack     time.Duration
}

// Source is where the row of a reject comes from.
type Source uint8

// Sources of rows.
const (
	FromReject   Source = iota // the reject has the row, or the record
	FromRows                   // the rows topic may have it
	FromIdentity               // Snowflake is asked
	FromNowhere                // nothing is sent
)

// Attempt is one that read rejected rows, with what it reported at its start.
type Attempt struct {
	Number, Attempt int
	Started         *schemas.Started
	Reported        time.Time // when the start was reported
}

// Chosen is a reject that is to be taken.
type Chosen struct {
	Offset  int64
	Seq     int64 // of its row
	Clock   int64 // as the reject has it
	Attempt int32 // its index in Found.Attempts
	Source  Source
}

// Found is the answer.
type Found struct {
	Topic     string // id of the rejects topic
	Partition int32  // of it, where the rejects lie
	Chosen    []Chosen
	Attempts  []Attempt
	// Refused counts the other selected rejects, by why. Those that earlier attempts of
	// the run have dealt with are not among them.
	Refused map[string]int64
	// SentAgain counts the events that replays without success have loaded and of which
	// the log does not tell the rejects.
	SentAgain int64
}

// chooser collects the answer to one question.
type chooser struct {
	q        Question
	found    Found
	attempts map[attempt]int32
	runs     map[int]runs.End               // that are closed
	refs     map[schemas.RejectRef]struct{} // of the selection
	done     map[schemas.RejectRef]attempt  // loaded or rejected again, by the newest attempt of a replay without success that did so
	refused  []refused
	taken    spans // by other replays
	own      spans // by the attempt itself
	// elsewhere are attempts that took rejects of a topic which was deleted since.
	elsewhere map[attempt]bool
}

type attempt struct{ number, attempt int }

// refused is a selected reject that cannot be taken, unless it has been dealt with already.
type refused struct {
	offset int64
	why    string
}

// refuse notes why a reject cannot be taken. Beyond the limit it is counted without a look
// at whether a replay has dealt with it.
func (c *chooser) refuse(offset int64, why string) {
	if len(c.refused) >= c.q.Limit {
		c.found.Refused[why]++
		return
	}
	c.refused = append(c.refused, refused{offset, why})
}

// Choose reads the log.
func Choose(ctx context.Context, log Log, q Question) (Found, error) {
	c := &chooser{
		q: q, attempts: map[attempt]int32{}, runs: map[int]runs.End{}, done: map[schemas.RejectRef]attempt{}, refs: map[schemas.RejectRef]struct{}{}, elsewhere: map[attempt]bool{},
		found: Found{Partition: schemas.ControlPartition(q.Import), Refused: map[string]int64{}},
	}
	for _, ref := range q.Run.Replay.Selection.Refs {
		c.refs[ref] = struct{}{}
	}
	if err := c.each(ctx, log, q.Topics.Runs(), c.run); err != nil {
		return Found{}, err
	}
	if err := c.rejects(ctx, log); err != nil {
		return Found{}, err
	}
	if err := c.each(ctx, log, q.Topics.Reports(), c.report); err != nil {
		return Found{}, err
	}
	if err := c.loaded(ctx, log); err != nil {
		return Found{}, err
	}
	c.sift()
	return c.found, nil
}

// rejects reads the rejects, and which topic they lie in.
func (c *chooser) rejects(ctx context.Context, log Log) (err error) {
	if c.found.Topic, err = log.TopicID(ctx, c.q.Topics.Rejects()); err != nil {
		return fmt.Errorf("choosing rejects: %w", err)
	}
	if err := c.each(ctx, log, c.q.Topics.Rejects(), c.reject); err != nil {
		return err
	}
	now, err := log.TopicID(ctx, c.q.Topics.Rejects())
	if err == nil && now != c.found.Topic {
		err = failure.Transient(failure.CodeResultChanged, "the rejects topic was deleted and created again")
	}
	if err != nil {
		return fmt.Errorf("choosing rejects: %w", err)
	}
	return nil
}

// each calls fn for the import's records in a control topic.
func (c *chooser) each(ctx context.Context, log Log, topic string, fn func(*kafka.Record) error) error {
	tp := kafka.TP{Topic: topic, Partition: c.found.Partition}
	from, err := log.StartOffset(ctx, tp)
	if err == nil {
		_, err = log.ReadTo(ctx, tp, from, func(rec *kafka.Record) error {
			if string(rec.Key) != c.q.Import {
				return nil
			}
			return fn(rec)
		})
	}
	if err != nil {
		return fmt.Errorf("choosing rejects: %w", err)
	}
	return nil
}

func (c *chooser) reject(rec *kafka.Record) error {
	var r schemas.Reject
	if json.Unmarshal(rec.Value, &r) != nil || r.Omitted {
		return nil
	}
	_, number, err := schemas.ParseRunID(r.Run)
	if err != nil || number > c.q.Run.Number || number == c.q.Run.Number && r.Attempt >= c.q.Run.Attempt {
		return nil // written by this attempt or later, or its run id cannot be read
	}
	if r.ReplayOf != nil && (number == c.q.Run.Number || c.unfinished(number)) {
		c.dealtWith(*r.ReplayOf, attempt{number, r.Attempt})
	}
	ref := schemas.RejectRef{Partition: rec.Partition, Offset: rec.Offset}
	if _, named := c.refs[ref]; len(c.refs) > 0 && !named {
		return nil
	}
	selection := c.q.Run.Replay.Selection
	if number == c.q.Run.Number || !selection.Selects(ref, &r) || number <= c.q.Dismissed && selection.All() {
		return nil
	}
	source, why := c.source(&r, number)
	if why != "" {
		c.refuse(rec.Offset, why)
		return nil
	}
	if len(c.found.Chosen) >= c.q.Limit {
		return failure.Permanent(failure.CodeReplayTooLarge, "more than %d rejects are selected; name a run, a code or a time, and replay the rest afterwards", c.q.Limit)
	}
	id, _ := schemas.ParseRowID([]byte(r.ID))
	c.found.Chosen = append(c.found.Chosen, Chosen{Offset: rec.Offset, Seq: id.Seq, Clock: r.Clock, Attempt: c.attemptOf(attempt{number, r.Attempt}), Source: source})
	return nil
}

func (c *chooser) attemptOf(a attempt) int32 {
	i, ok := c.attempts[a]
	if !ok {
		i = int32(len(c.found.Attempts)) //nolint:gosec // fewer than runs
		c.attempts[a] = i
		c.found.Attempts = append(c.found.Attempts, Attempt{Number: a.number, Attempt: a.attempt})
	}
	return i
}

// source says where the row of a selected reject comes from, or why there is none.
func (c *chooser) source(r *schemas.Reject, number int) (Source, string) {
	replay := c.q.Run.Replay
	_, ok := schemas.ParseRowID([]byte(r.ID))
	switch {
	case number < replay.FirstRun:
		return 0, schemas.RefusedOtherEpoch
	case c.readAgain(attempt{number, r.Attempt}):
		return 0, schemas.RefusedReadAgain
	case r.Code == codeAmbiguous && replay.Selection.Code != codeAmbiguous && len(replay.Selection.Refs) == 0:
		return 0, schemas.RefusedAmbiguous
	case replay.How == schemas.ReplayDeclined:
		return FromNowhere, ""
	case c.q.Profiles && Identity(c.q.Run.Spec, r) == "":
		return 0, schemas.RefusedNoIdentity
	case c.q.Profiles:
		return FromIdentity, ""
	case replay.How == schemas.ReplayAsSent && (r.Stage != schemas.StageLoad || len(r.Record) == 0):
		return 0, schemas.RefusedNoRecord
	case replay.How == schemas.ReplayAsSent && r.Identity == "":
		return 0, schemas.RefusedNoIdentity
	case replay.How == schemas.ReplayAsSent:
		return FromReject, ""
	case r.Stage == schemas.StageExtract, !ok:
		// Invariant 5: such a row has no exact text, or was too large for Kafka.
		return 0, schemas.RefusedNoRow
	case len(r.Row) > 0:
		return FromReject, ""
	}
	return FromRows, ""
}

// codeAmbiguous is the loader's code of an event that CleverTap may hold.
const codeAmbiguous = "ambiguous"

// sift leaves out the rejects that were loaded, rejected again or taken already.
func (c *chooser) sift() {
	c.taken.sort()
	c.own.sort()
	for _, r := range c.refused {
		if left, why := c.left(r.offset); left {
			c.found.Refused[r.why]++
		} else if why != "" {
			c.found.Refused[why]++
		}
	}
	kept := c.found.Chosen[:0]
	for _, chosen := range c.found.Chosen {
		if left, why := c.left(chosen.Offset); left {
			kept = append(kept, chosen)
		} else if why != "" {
			c.found.Refused[why]++
		}
	}
	c.found.Chosen = kept
}

// left reports whether nothing has dealt with a reject yet, and else why it is refused; ""
// if the run itself has dealt with it.
func (c *chooser) left(offset int64) (left bool, why string) {
	by, done := c.done[schemas.RejectRef{Partition: c.found.Partition, Offset: offset}]
	done = done && !c.elsewhere[by] // else another reject had this offset
	switch {
	case done && by.number == c.q.Run.Number, c.own.has(offset):
		return false, ""
	case done, c.taken.has(offset):
		return false, schemas.RefusedReplayed
	}
	return true, ""
}
