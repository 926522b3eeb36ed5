package rowlog

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"tapline.dev/domain/mapping"
	"tapline.dev/libs/jsonstring"
	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// readRejects takes in the rejects of the person's rows: those of rows that were found,
// and those of the extractor, whose rows are in no other topic.
func (w *inquiry) readRejects(ctx context.Context) error {
	tp := w.control(w.topics.Rejects())
	from, cut, err := w.bounded(ctx, tp, 0, whyRejects)
	if err != nil {
		return err
	}
	if cut {
		w.answer.Complete = false
	}
	byID := map[string]*Appearance{}
	for _, a := range w.found {
		byID[a.ID] = a
	}
	text := jsonstring.Append(nil, []byte(w.q.Identity))
	text = text[1 : len(text)-1]
	if string(text) != w.q.Identity {
		text = nil // a row may spell its escapes in another way
	}
	return readUntil(ctx, w.log, tp, from, func(rec *kafka.Record) error {
		w.reached("rejects", rec)
		// Most rejects are of other people. One without its row names it by its id.
		if string(rec.Key) != w.q.Import || !bytes.Contains(rec.Value, text) && bytes.Contains(rec.Value, []byte(`"row":`)) {
			return nil
		}
		var r schemas.Reject
		if json.Unmarshal(rec.Value, &r) != nil || r.Omitted {
			return nil
		}
		a := byID[r.ID]
		switch {
		case r.Stage == schemas.StageLoad:
			if a == nil || a.recordAt != r.Offset {
				return nil
			}
			// The receipt decides; the reject has CleverTap's own words.
			a.Column, a.Property, a.Reason, a.Code = r.Column, r.Property, r.Reason, r.Code
			return nil
		case a == nil && !w.isOf(&r):
			return nil
		case a == nil:
			_, number, _ := schemas.ParseRunID(r.Run)
			a = &Appearance{Run: r.Run, Attempt: r.Attempt, ID: r.ID, Time: r.Time, Row: r.Row, number: number, rowAt: -1, recordAt: -1}
			byID[r.ID] = a
			w.add(a)
		}
		a.Result, a.Stage, a.Code, a.Reason, a.Column, a.Property = Rejected, r.Stage, r.Code, r.Reason, r.Column, r.Property
		return nil
	})
}

// isOf reports whether a rejected row is the person's.
func (w *inquiry) isOf(r *schemas.Reject) bool {
	if r.Row == nil || r.Identity != "" {
		return r.Identity == w.q.Identity // it names whose it is
	}
	var columns map[string]json.RawMessage
	if json.Unmarshal(r.Row, &columns) != nil {
		return false
	}
	spec, _ := w.q.Rule(r.Run, nil)
	return string(mapping.IdentityKey(nil, column(columns, spec.Identity.Column))) == w.q.Identity
}

// readUploads takes in what the mapper and the loader report of the rows that were found.
func (w *inquiry) readUploads(ctx context.Context) error {
	if len(w.found) == 0 {
		return nil
	}
	byAttempt := map[attemptOf][]*Appearance{}
	first := w.found[0].Time
	for _, a := range w.found {
		byAttempt[attemptOf{a.number, a.Attempt}] = append(byAttempt[attemptOf{a.number, a.Attempt}], a)
		if a.Time.Before(first) {
			first = a.Time
		}
	}
	tp := w.control(w.topics.Reports())
	from, err := w.log.OffsetAt(ctx, tp, first.Add(-slack))
	if err != nil {
		return err
	}
	return readUntil(ctx, w.log, tp, from, func(rec *kafka.Record) error {
		kind := kindOf(rec)
		if string(rec.Key) != w.q.Import || kind != schemas.ReportMapped && kind != schemas.ReportReceipt && kind != schemas.ReportIntent {
			return nil
		}
		var r schemas.Report
		if json.Unmarshal(rec.Value, &r) != nil || r.Run != schemas.RunID(w.q.Import, r.Number) {
			return nil
		}
		for _, a := range byAttempt[attemptOf{r.Number, r.Attempt}] {
			switch {
			case r.Mapped != nil && r.Mapped.Partition == w.partition:
				w.mapped(a, r.Mapped)
			case r.Intent != nil && r.Intent.Partition == w.partition:
				a.intent(&r)
			case r.Receipt != nil && r.Receipt.Partition == w.partition:
				a.receipt(&r)
			}
		}
		return nil
	})
}

// mapped takes in the mapper's report of a row.
func (w *inquiry) mapped(a *Appearance, m *schemas.Mapped) {
	if a.rowAt < m.From || a.rowAt > m.To {
		return
	}
	a.mappedOut = true
	if a.recordAt >= 0 || a.Result != "" {
		return
	}
	id, _ := schemas.ParseRowID([]byte(a.ID))
	if reason := w.ruleOf(a).skipped(m, id, a.Row); reason != "" {
		a.Result, a.Stage, a.Code, a.Reason = Skipped, schemas.StageMap, reason, meaning(reason)
	}
}

// place is which record of an upload the appearance's is, counted from 1; 0 if the upload
// does not hold it.
func (a *Appearance) place(ranges []schemas.Range) int {
	if a.recordAt < 0 {
		return 0
	}
	before := int64(0)
	for _, r := range ranges {
		if r.From <= a.recordAt && a.recordAt <= r.To {
			return int(before + a.recordAt - r.From + 1)
		}
		before += r.To - r.From + 1
	}
	return 0
}

const noAnswer = "no answer is noted: the request may have been applied or not"

func (a *Appearance) intent(r *schemas.Report) {
	i := r.Intent
	place := a.place(i.Ranges)
	if place == 0 {
		return
	}
	known := slices.IndexFunc(a.Uploads, func(u Upload) bool { return u.Upload == i.Upload && u.Try == i.Try })
	if i.Withdrawn {
		if known < 0 {
			known = slices.IndexFunc(a.Uploads, func(u Upload) bool { return u.Upload == i.Upload })
		}
		if known >= 0 {
			a.Uploads[known].Answer = "nothing of it was applied: CleverTap refused the request whole, or was not reached"
		}
		return
	}
	if known < 0 {
		a.Uploads = append(a.Uploads, Upload{Upload: i.Upload, Try: i.Try, Sent: r.Time, Place: place, Records: i.Records, Answer: noAnswer})
	}
}

// receipt takes in the result of a record; if there are several, the first one counts.
func (a *Appearance) receipt(r *schemas.Report) {
	c := r.Receipt
	place := a.place(c.Ranges)
	if place == 0 {
		return
	}
	if a.settled() {
		a.Notes = append(a.Notes, fmt.Sprintf("a later receipt of the upload %s counts for nothing", c.Upload))
		return
	}
	a.Result, a.Stage = Loaded, ""
	code, why := "", c.SkipReason
	for _, o := range c.Rejected {
		if o.Offset == a.recordAt {
			code = o.Code
		}
	}
	for _, o := range c.Skipped {
		if o.Offset == a.recordAt {
			why = o.Code
		}
	}
	switch {
	case why != "":
		a.Result, a.Stage, a.Code, a.Reason = Skipped, schemas.StageLoad, why, meaning(why)
	case code != "":
		a.Result, a.Stage = Rejected, schemas.StageLoad
		if a.Code != code {
			a.Code, a.Reason = code, meaning(code)
		}
	default:
		// A reject without a receipt is of a loader that was killed; the record was sent again.
		a.Code, a.Reason, a.Column, a.Property = "", "", "", ""
	}
	a.answered(r, place)
}

func (a *Appearance) settled() bool { return a.Result == Loaded || a.Stage == schemas.StageLoad }

// answered notes the answer to the upload that the receipt is of.
func (a *Appearance) answered(r *schemas.Report, place int) {
	c := r.Receipt
	if c.Upload == "" || c.Status == 0 && a.Result == Skipped {
		return // it was not sent
	}
	at := slices.IndexFunc(a.Uploads, func(u Upload) bool { return u.Upload == c.Upload })
	for i := at; i >= 0 && i < len(a.Uploads); i++ {
		if a.Uploads[i].Upload == c.Upload {
			at = i // its last try
		}
	}
	if at < 0 {
		a.Uploads = append(a.Uploads, Upload{Upload: c.Upload, Place: place, Records: c.Records})
		at = len(a.Uploads) - 1
	}
	u := &a.Uploads[at]
	when := r.Time
	u.Answered, u.Status, u.Millis = &when, c.Status, c.Millis
	switch a.Result {
	case Loaded:
		u.Answer = "CleverTap took the record"
	case Rejected:
		u.Answer = "CleverTap refused the record: " + a.Code
	default:
		u.Answer = "the record was skipped: " + a.Code
	}
}

func (w *inquiry) ruleOf(a *Appearance) *Rule {
	_, rule := w.specOf(a)
	return rule
}

func (w *inquiry) specOf(a *Appearance) (schemas.ImportSpec, *Rule) {
	var started *schemas.Started
	if t := w.attempts[attemptOf{a.number, a.Attempt}]; t != nil {
		started = t.started
	}
	return w.q.Rule(a.Run, started)
}
