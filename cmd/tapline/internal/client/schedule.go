package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Schedule is when an import is due.
type Schedule struct {
	Import   string      `json:"import"`
	Sentence string      `json:"sentence"`
	Zone     string      `json:"zone"`
	Viewer   string      `json:"viewer"`
	Next     []Due       `json:"next"`
	Past     []DueRecord `json:"past"`
	Note     string      `json:"note,omitempty"`
}

// Due is a due instant.
type Due struct {
	At     time.Time `json:"at"`
	Local  string    `json:"local"`
	Viewer string    `json:"viewer"`
	Clocks string    `json:"clocks,omitempty"`
	// Planned is of a run that somebody has asked for: it is none of the schedules'.
	Planned bool `json:"planned,omitempty"`
}

// DueRecord is what became of a past due instant.
type DueRecord struct {
	Due
	Outcome     string  `json:"outcome"`
	Run         string  `json:"run,omitempty"`
	State       string  `json:"state,omitempty"`
	Reason      string  `json:"reason,omitempty"`
	LateSeconds float64 `json:"lateSeconds,omitempty"`
}

// ScheduleQuery says which instants are wanted, and in which zone beside the import's.
type ScheduleQuery struct {
	Next, Past int
	Zone       string
}

func (q ScheduleQuery) query() string {
	return "?" + query(map[string]string{"next": strconv.Itoa(q.Next), "past": strconv.Itoa(q.Past), "zone": q.Zone})
}

// Schedule reads when an import is due.
func (c *Client) Schedule(ctx context.Context, importName string, q ScheduleQuery) (Schedule, error) {
	var out Schedule
	return out, c.do(ctx, http.MethodGet, "/v1/imports/"+url.PathEscape(importName)+"/schedule"+q.query(), nil, nil, &out)
}

// ScheduleOf reads when a definition would be due if it were applied now.
func (c *Client) ScheduleOf(ctx context.Context, document json.RawMessage, q ScheduleQuery) (Schedule, error) {
	var out Schedule
	return out, c.do(ctx, http.MethodPost, "/v1/schedule"+q.query(), nil, document, &out)
}
