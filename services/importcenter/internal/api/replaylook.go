package api

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"tapline.dev/domain/definition"
	"tapline.dev/domain/mapping"
	"tapline.dev/domain/runs"
	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/rejects"
)

// newReplayLook prepares to look at the rejects of a replay with a definition.
func (h *handlers) newReplayLook(ctx context.Context, def schemas.Definition, replay schemas.Replay) (*replayLook, error) {
	importName := def.Metadata.Name
	state, _ := h.Catalog.State(importName)
	taken, err := h.takenByReplays(ctx, importName, state)
	if err != nil {
		return nil, err
	}
	ends, err := h.endsOf(ctx, importName)
	if err != nil {
		return nil, err
	}
	l := &replayLook{
		plan: ReplayPlan{Import: importName, Groups: []RejectsOfCode{}, Complete: true}, replay: replay, first: state.EpochFirst,
		most: mostPlanned, taken: taken, ends: ends, now: h.Now().Unix(),
	}
	if replay.Selection.All() {
		l.dismissed = state.DismissedThrough
	}
	if m, problems := mapping.CompileWithout(def.Spec, state.Columns, state.Gone, h.options(&definition.Set{}, def.Spec.Destination.AccountRef)); len(problems) == 0 && len(state.Columns) > 0 {
		l.mapping = m
	} else {
		l.plan.Notes = append(l.plan.Notes, "whether rows would map is not known: the mapping does not fit the columns of the last run that succeeded, or none has")
	}
	return l, nil
}

// takenByReplays are the rejects that replays have taken which succeeded or go on.
func (h *handlers) takenByReplays(ctx context.Context, importName string, state schemas.State) ([]schemas.RejectRange, error) {
	var out []schemas.RejectRange
	err := h.scan(ctx, h.Topics.Reports(), importName, func(rec *kafka.Record) error {
		if _, kind, _ := schemas.ParseEventType(kafka.HeaderValue(rec, "ce_type")); kind != schemas.ReportTaken {
			return nil
		}
		var r schemas.Report
		unfinished := func(run schemas.InterruptedRun) bool { return run.Number == r.Number }
		if json.Unmarshal(rec.Value, &r) != nil || r.Taken == nil || slices.ContainsFunc(state.Replays, unfinished) {
			return nil
		}
		out = append(out, r.Taken.Refs...)
		return nil
	})
	slices.SortFunc(out, func(a, b schemas.RejectRange) int { return int(a.From - b.From) })
	return out, err
}

// endsOf is how the import's runs ended, by their numbers.
func (h *handlers) endsOf(ctx context.Context, importName string) (map[int]runs.End, error) {
	out := map[int]runs.End{}
	err := h.scan(ctx, h.Topics.Runs(), importName, func(rec *kafka.Record) error {
		var r schemas.Run
		if json.Unmarshal(rec.Value, &r) != nil || !schemas.Terminal(r.State) {
			return nil
		}
		if _, number, err := schemas.ParseRunID(r.Run); err == nil {
			out[number] = runs.EndOf(r)
		}
		return nil
	})
	return out, err
}

// replayLook looks at one reject after another.
type replayLook struct {
	plan   ReplayPlan
	replay schemas.Replay
	first  int   // run of the epoch
	most   int64 // that are looked at
	// dismissed is the last run whose rejects were dismissed and are left out for it.
	dismissed int
	givenUp   int64 // rejects that are left out
	taken     []schemas.RejectRange
	ends      map[int]runs.End // of the closed runs
	mapping   *mapping.Mapping
	now       int64
	looked    int64
	buffer    []byte
}

func (l *replayLook) look(ref schemas.RejectRef, r schemas.Reject) error {
	if l.looked++; l.looked > l.most {
		l.plan.Complete = false
		return rejects.ErrStop
	}
	_, number, err := schemas.ParseRunID(r.Run)
	if err != nil || number < l.first {
		return nil
	}
	if number <= l.dismissed {
		l.givenUp++
		return nil
	}
	i, found := slices.BinarySearchFunc(l.taken, ref.Offset, func(t schemas.RejectRange, offset int64) int { return int(t.From - offset) })
	if found || i > 0 && ref.Offset <= l.taken[i-1].To {
		l.plan.Replayed++
		return nil
	}
	if end, closed := l.ends[number]; closed && runs.ReadAgain(end, r.Attempt) {
		l.plan.ReadAgain++
		return nil
	}
	if r.Code == codeAmbiguous {
		l.plan.Ambiguous++
		if l.replay.Selection.Code == "" && len(l.replay.Selection.Refs) == 0 {
			return nil
		}
	}
	l.plan.Rejects++
	at := slices.IndexFunc(l.plan.Groups, func(g RejectsOfCode) bool { return g.Code == r.Code })
	if at < 0 {
		at = len(l.plan.Groups)
		l.plan.Groups = append(l.plan.Groups, RejectsOfCode{Code: r.Code})
	}
	g := &l.plan.Groups[at]
	g.Rejects++
	switch {
	case l.mapping == nil || len(r.Row) == 0 || r.Stage == schemas.StageExtract:
		l.plan.Unknown++
	default:
		record, refused := l.mapping.Map(l.buffer[:0], r.Row, l.now)
		if l.buffer = record; len(refused) == 0 {
			g.WouldMap++
			l.plan.WouldMap++
		}
	}
	return nil
}

// codeAmbiguous is the loader's code of an event that CleverTap may hold.
const codeAmbiguous = "ambiguous"

func (l *replayLook) finish(def schemas.Definition) ReplayPlan {
	p := &l.plan
	slices.SortStableFunc(p.Groups, func(a, b RejectsOfCode) int { return int(b.Rejects - a.Rejects) })
	if l.givenUp > 0 {
		p.Notes = append(p.Notes, numbered(l.givenUp, "dismissed reject")+" left out: name them by a filter, such as their run, to replay them")
	}
	if p.ReadAgain > 0 {
		p.Notes = append(p.Notes, numbered(p.ReadAgain, "reject")+" of runs without success or of abandoned attempts left out: the next run reads their rows again")
	}
	if l.replay.How == schemas.ReplayDeclined {
		return *p
	}
	p.Calls = (p.Rejects + perUpload - 1) / perUpload
	if def.Spec.Destination.Type == schemas.TypeProfile {
		p.Queries = (p.Rejects + perStatement - 1) / perStatement
		p.Notes = append(p.Notes, "profiles are read from Snowflake again: whether a row maps is told from the row that was rejected, and it may have changed since")
	}
	if p.Ambiguous > 0 && !strings.EqualFold(l.replay.Selection.Code, codeAmbiguous) && len(l.replay.Selection.Refs) == 0 {
		p.Notes = append(p.Notes, "ambiguous events are left out: somebody has to look at CleverTap, and name them by their code to send them, or decline them")
	}
	return *p
}
