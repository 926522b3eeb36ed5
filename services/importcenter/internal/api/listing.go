package api

import (
	"context"
	"slices"

	"tapline.dev/domain/listing"
	"tapline.dev/domain/projection"
	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/access"
	"tapline.dev/services/importcenter/internal/whylate"
)

// sourceLog is what the header Tapline-Source says of an answer that comes from the
// log, because Redis does not answer.
const sourceLog = "log"

// SourceHeader says where an answer comes from.
type SourceHeader struct {
	Source string `header:"Tapline-Source" doc:"log if Redis does not answer: the answer is worked out from the log, takes longer, and lacks what runs wait for"`
}

// listings returns the imports that the caller may see, by name, and sourceLog if
// Redis did not answer.
func (h *handlers) listings(ctx context.Context) ([]schemas.Listing, string) {
	source := ""
	projected, err := h.Projection.Listings(ctx)
	if err != nil {
		h.logFailure(ctx, codeRedis, err)
		source = sourceLog
	}
	byName := make(map[string]schemas.Listing, len(projected))
	for _, l := range projected {
		byName[l.Import] = l
	}
	now, waiting := h.Now(), h.waiting(ctx)
	out := []schemas.Listing{}
	for _, d := range h.Catalog.Imports() {
		if !access.CallerOf(ctx).Reaches(d.Metadata) {
			continue
		}
		state, _ := h.Catalog.State(d.Metadata.Name)
		l, ok := byName[d.Metadata.Name]
		if !ok {
			// The scheduler has not listed it yet, or Redis does not answer.
			l = *listing.Of(listing.Import{Name: d.Metadata.Name, Definition: &d, State: &state})
		}
		listing.Complete(&l, d, state, now)
		l.Frozen, l.Behind = h.frozenBy(d), h.behind(d, state)
		if ack := h.Catalog.Acknowledgement(d.Metadata.Name); ack.Mutes(d, state, now) {
			l.Acknowledged = ack
		}
		for _, a := range waiting {
			if slices.Contains(a.Imports, d.Metadata.Name) {
				l.Approvals = append(l.Approvals, schemas.WaitsFor{Name: a.Name, Action: a.Action, By: a.By, Since: a.Since})
			}
		}
		out = append(out, l)
	}
	return out, source
}

// behind is what an import's queued run waits behind, "" without one.
func (h *handlers) behind(d schemas.Definition, s schemas.State) string {
	if s.Queued == nil {
		return ""
	}
	others := map[string]schemas.State{}
	for _, name := range d.Spec.After {
		others[name], _ = h.Catalog.State(name)
	}
	return whylate.Behind(d, s, others)
}

// addProgress adds to rows how far their active run is. Without Redis nothing is added.
func (h *handlers) addProgress(ctx context.Context, rows []schemas.Listing) {
	var names []string
	for _, l := range rows {
		if l.Status == listing.Running {
			names = append(names, l.LastRun)
		}
	}
	found, err := h.Projection.Named(ctx, names)
	if err != nil {
		return // the header says that Redis does not answer
	}
	byName := map[string]schemas.Run{}
	for _, r := range found {
		byName[r.Run] = r
	}
	for i := range rows {
		r, ok := byName[rows[i].LastRun]
		if !ok || rows[i].Status != listing.Running || r.Total == 0 {
			continue
		}
		share := listing.Figures(r, h.Now()).Share
		rows[i].Progress = &share
	}
}

// addRecent adds to each row its newest runs, oldest first.
func (h *handlers) addRecent(ctx context.Context, rows []schemas.Listing, n int) {
	for i := range rows {
		page, err := h.Projection.Runs(ctx, projection.Query{Import: rows[i].Import, Limit: n})
		if err != nil {
			return // the header says that Redis does not answer
		}
		for _, r := range slices.Backward(page.Runs) {
			f := listing.Figures(r, h.Now())
			rows[i].Recent = append(rows[i].Recent, schemas.RecentRun{
				Run: r.Run, State: r.State, Loaded: f.Successful, Failed: f.Failed, StartedAt: r.StartedAt, Seconds: f.Seconds,
			})
		}
	}
}
