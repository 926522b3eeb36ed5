package api

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/rejects"
)

const (
	// mostJudged bounds how many rejects a plan or an apply maps anew, and judgeWithin for
	// how long it does so.
	mostJudged  = 100_000
	judgeWithin = 10 * time.Second
)

// replayable says how many of the open rejects the changed mapping makes records of, and
// offers to replay them. Where that cannot be told in time, it says how to ask.
func (h *handlers) replayable(ctx context.Context, d schemas.Definition, state schemas.State) []Consequence {
	if state.OpenRejects == 0 {
		return nil
	}
	name := d.Metadata.Name
	said := func(text string) []Consequence {
		return []Consequence{{About: "rejects", noted: true, Text: text}}
	}
	ctx, cancel := context.WithTimeout(ctx, judgeWithin)
	defer cancel()
	l, err := h.newReplayLook(ctx, d, schemas.Replay{How: schemas.ReplayMapped})
	if err == nil {
		l.most = mostJudged
		if err = h.Rejects.Each(ctx, rejects.Selection{Import: name}, l.look); errors.Is(err, rejects.ErrStop) {
			err = nil
		}
	}
	switch {
	case err != nil || l.mapping == nil:
		return said(fmt.Sprintf("up to %s are open: tapline replay %s --plan says how many would map now", numbered(state.OpenRejects, "reject"), name))
	case l.plan.Rejects == 0:
		return nil
	}
	text := fmt.Sprintf("%s of %s would map now", counted(l.plan.WouldMap), numbered(l.plan.Rejects, "open reject"))
	if !l.plan.Complete {
		text += fmt.Sprintf(", of the %s that were looked at", numbered(mostJudged, "oldest reject"))
	}
	if l.plan.WouldMap == 0 {
		return said(text)
	}
	text += fmt.Sprintf(": tapline replay %s sends them, and so does tapline apply --replay", name)
	if d.Spec.Destination.Type == schemas.TypeEvent {
		text += "; those within the lookback are sent by the next run as well, and stored twice"
	}
	return said(text)
}
