package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"tapline.dev/schemas"
)

// ChangeSet is what apply makes and plan shows.
type ChangeSet struct {
	Documents []json.RawMessage  `json:"documents"`
	ManagedBy *schemas.ManagedBy `json:"managedBy,omitempty"`
	Prune     map[string]string  `json:"prune,omitempty"`
	// DropUnknown takes out what a newer version of Import Center has written.
	DropUnknown bool `json:"dropUnknown,omitempty"`
	// Plan is of a Plan that was shown: apply then does that and nothing else.
	Plan string `json:"plan,omitempty"`
	// Offline leaves the queries unchecked.
	Offline bool `json:"-"`
}

// Plan is what an apply would do.
type Plan struct {
	Plan     string          `json:"plan"`
	Changes  []PlannedChange `json:"changes"`
	Warnings []PlanWarning   `json:"warnings"`
	Refused  bool            `json:"refused,omitempty"`
	Approval bool            `json:"approval,omitempty"`
}

// PlannedChange is what is done to one definition.
type PlannedChange struct {
	Kind         string          `json:"kind"`
	Name         string          `json:"name"`
	Outcome      string          `json:"outcome"`
	Generation   int             `json:"generation"`
	Fields       []PlannedField  `json:"fields"`
	Consequences []PlannedEffect `json:"consequences"`
}

// PlannedField is one difference.
type PlannedField struct {
	Op     string          `json:"op"`
	Path   string          `json:"path"`
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
}

// PlannedEffect is what a change causes.
type PlannedEffect struct {
	About    string          `json:"about"`
	Text     string          `json:"text"`
	Estimate json.RawMessage `json:"estimate,omitempty"`
	Refused  bool            `json:"refused,omitempty"`
}

// PlanWarning is about something that is allowed, and is usually a mistake.
type PlanWarning struct {
	Code    string   `json:"code"`
	Account string   `json:"account,omitempty"`
	Imports []string `json:"imports"`
	Text    string   `json:"text"`
}

// Plan shows what an apply of the set would do.
func (c *Client) Plan(ctx context.Context, set ChangeSet) (Plan, error) {
	var out Plan
	return out, c.doWithin(ctx, applyTimeout, http.MethodPost, "/v1/plan"+offline(set), nil, set, &out)
}

// ApplySet applies a set, all of it or none.
func (c *Client) ApplySet(ctx context.Context, set ChangeSet) ([]Applied, error) {
	var out List[Applied]
	err := c.doWithin(ctx, applyTimeout, http.MethodPost, "/v1/apply"+offline(set), nil, set, &out)
	return out.Items, err
}

func offline(set ChangeSet) string {
	if set.Offline {
		return "?offline=true"
	}
	return ""
}

// Generations lists what is kept of an import's generations, newest first.
func (c *Client) Generations(ctx context.Context, importName string) (List[schemas.Generation], error) {
	var out List[schemas.Generation]
	return out, c.do(ctx, http.MethodGet, "/v1/imports/"+url.PathEscape(importName)+"/generations", nil, nil, &out)
}

// Generation reads one generation with its definition, which apply takes again. One that
// holds what this version does not know would lose it there.
func (c *Client) Generation(ctx context.Context, importName string, n int) (out schemas.Generation, err error) {
	var raw json.RawMessage
	err = c.do(ctx, http.MethodGet, "/v1/imports/"+url.PathEscape(importName)+"/generations/"+strconv.Itoa(n), nil, nil, &raw)
	if err != nil {
		return out, err
	}
	if newer := schemas.UnknownOf[schemas.Generation](raw).Child("definition").Child("spec").Paths(); len(newer) > 0 {
		return out, fmt.Errorf("generation %d of %s holds %s, which this version of tapline does not know; use one that is as new as Import Center", n, importName, strings.Join(newer, ", "))
	}
	if err := json.Unmarshal(raw, &out); err != nil {
		return out, fmt.Errorf("reading generation %d of %s: %w", n, importName, err)
	}
	return out, nil
}

// Unmanage takes off the mark that a definition comes from somewhere else.
func (c *Client) Unmanage(ctx context.Context, plural, name string) error {
	return c.do(ctx, http.MethodPost, "/v1/"+plural+"/"+url.PathEscape(name)+"/unmanage", nil, nil, nil)
}
