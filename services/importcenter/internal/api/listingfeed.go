package api

import (
	"context"
	"slices"
	"time"

	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/access"
)

// listingSnapshot is the whole listing at a moment, as a caller without a selector sees it.
// Nobody changes it, because all streams read it.
type listingSnapshot struct {
	rows    []schemas.Listing
	ids     []string // of the rows: hashes of what they show, but for what moves with time
	waiting []Approval
}

// readListing reads the listing for the streams.
func (h *handlers) readListing(ctx context.Context) (*listingSnapshot, time.Duration) {
	rows, source := h.listings(ctx) // without a caller: every import
	h.addProgress(ctx, rows)
	h.addMissing(ctx, rows)
	snapshot := &listingSnapshot{rows: rows, ids: make([]string, len(rows)), waiting: h.waiting(ctx)}
	for i, l := range rows {
		snapshot.ids[i] = timelessID(l)
	}
	if source == sourceLog {
		return snapshot, logEvery
	}
	return snapshot, 2 * eventEvery
}

// timelessID is a hash of a row without the fields that change only because time passes.
func timelessID(l schemas.Listing) string {
	l.FreshnessSeconds = nil
	return eventID(l)
}

// since returns what has changed for a caller since shown, which it brings up to date.
func (s *listingSnapshot) since(caller access.Caller, filter ImportFilter, shown map[string]string) ImportsEvent {
	event := ImportsEvent{Items: []schemas.Listing{}, Removed: []string{}}
	present := map[string]bool{}
	for i, l := range s.rows {
		id := s.ids[i]
		if !caller.Reaches(metadataOf(l)) {
			continue
		}
		if caller.Selector != nil && len(l.Approvals) > 0 {
			l.Approvals = s.approvalsFor(caller, l)
			id = timelessID(l)
		}
		if !filter.matches(l) {
			continue
		}
		present[l.Import] = true
		if shown[l.Import] != id {
			shown[l.Import] = id
			event.Items = append(event.Items, l)
		}
	}
	for name := range shown {
		if !present[name] {
			delete(shown, name)
			event.Removed = append(event.Removed, name)
		}
	}
	slices.Sort(event.Removed)
	return event
}

func metadataOf(l schemas.Listing) schemas.Metadata {
	return schemas.Metadata{Name: l.Import, Labels: l.Labels}
}

// approvalsFor are the approvals of a row that concern no import outside the caller's
// selector.
func (s *listingSnapshot) approvalsFor(caller access.Caller, l schemas.Listing) (out []schemas.WaitsFor) {
	within := map[string]bool{}
	for _, other := range s.rows {
		within[other.Import] = caller.Reaches(metadataOf(other))
	}
	for _, a := range s.waiting {
		if slices.ContainsFunc(a.Imports, func(name string) bool { return !within[name] }) {
			continue
		}
		for _, w := range l.Approvals {
			if w.Name == a.Name {
				out = append(out, w)
			}
		}
	}
	return out
}
