package api

import (
	"context"
	"encoding/json"
	"time"

	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/rowlog"
	"tapline.dev/services/importcenter/internal/verify"
)

// mostSent is of how many people a verification tells when we last sent them something: the
// reports are read for each of them.
const mostSent = 20

// addSent says of properties that differ when we last sent them.
func (h *handlers) addSent(ctx context.Context, importName string, rows []Verified) *Problem {
	rules := &ruleBook{h: h, ctx: ctx, importName: importName, compiled: map[*schemas.Started]*rowlog.Rule{}}
	looked := 0
	for i := range rows {
		if rows[i].Result != verify.Differs || looked == mostSent {
			continue
		}
		looked++
		told := WhyAnswer{Import: importName}
		if _, refusal := h.whyTopics(ctx, rows[i].Identity, &told, rules); refusal != nil {
			return refusal
		}
		for j := range rows[i].Values {
			if v := &rows[i].Values[j]; v.Result == verify.Differs {
				v.Sent = lastSent(told.Rows, v.Property)
			}
		}
	}
	return nil
}

// lastSent is when CleverTap took the newest record that has a property; nil if none is known.
func lastSent(rows []rowlog.Appearance, property string) (at *time.Time) {
	for i := range rows {
		a := &rows[i]
		if a.Result != rowlog.Loaded || !has(a.Record, property) {
			continue
		}
		for _, u := range a.Uploads {
			if u.Answered != nil && (at == nil || u.Answered.After(*at)) {
				at = u.Answered
			}
		}
	}
	return at
}

func has(record json.RawMessage, property string) bool {
	var r struct {
		ProfileData map[string]json.RawMessage `json:"profileData"`
	}
	if json.Unmarshal(record, &r) != nil {
		return false
	}
	_, ok := r.ProfileData[property]
	return ok
}
