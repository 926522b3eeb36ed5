package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"
)

// Why is what became of the rows of a person.
type Why struct {
	Import   string               `json:"import"`
	Rows     []WhyRow             `json:"rows"`
	Reach    map[string]time.Time `json:"reach"`
	Complete bool                 `json:"complete"`
	Others   []WhyRun             `json:"others"`

	CleverTap *WhyPerson `json:"clevertap"`
	Snowflake *WhyHeld   `json:"snowflake"`
}

// WhyPerson is what CleverTap holds of the person now.
type WhyPerson struct {
	Account string          `json:"account"`
	Outcome string          `json:"outcome"`
	Reason  string          `json:"reason"`
	Profile json.RawMessage `json:"profile"`
	Time    time.Time       `json:"time"`
}

// WhyHeld is what Snowflake has of the person now.
type WhyHeld struct {
	Outcome string       `json:"outcome"`
	Code    string       `json:"code"`
	Reason  string       `json:"reason"`
	QueryID string       `json:"queryId"`
	Rows    []WhyHeldRow `json:"rows"`
	More    bool         `json:"more"`
}

// WhyHeldRow is a row that Snowflake has now, and what became of it in each run.
type WhyHeldRow struct {
	Row     json.RawMessage `json:"row"`
	Changed string          `json:"changed"`
	Runs    []struct {
		Run    string `json:"run"`
		Result string `json:"result"`
		Reason string `json:"reason"`
	} `json:"runs"`
	Note string `json:"note"`
}

// WhyQuestion is what is asked about a person.
type WhyQuestion struct {
	Identity  string `json:"identity"`
	CleverTap bool   `json:"clevertap,omitempty"`
	Snowflake bool   `json:"snowflake,omitempty"`
}

// WhyRow is one row of the person in a run.
type WhyRow struct {
	Run      string          `json:"run"`
	Attempt  int             `json:"attempt"`
	ID       string          `json:"id"`
	Time     time.Time       `json:"time"`
	Result   string          `json:"result"`
	Stage    string          `json:"stage"`
	Code     string          `json:"code"`
	Reason   string          `json:"reason"`
	Column   string          `json:"column"`
	Property string          `json:"property"`
	Row      json.RawMessage `json:"row"`
	Lines    []WhyLine       `json:"lines"`
	Record   json.RawMessage `json:"record"`
	Uploads  []WhyUpload     `json:"uploads"`
	Notes    []string        `json:"notes"`
}

// WhyLine is what one part of the mapping made of the row.
type WhyLine struct {
	Rule     json.RawMessage `json:"rule"`
	Property string          `json:"property"`
	Column   string          `json:"column"`
	Before   json.RawMessage `json:"before"`
	After    json.RawMessage `json:"after"`
	Result   string          `json:"result"`
	Code     string          `json:"code"`
	Reason   string          `json:"reason"`
}

// WhyUpload is a request that held the record.
type WhyUpload struct {
	Upload   string     `json:"upload"`
	Try      int        `json:"try"`
	Sent     time.Time  `json:"sent"`
	Place    int        `json:"place"`
	Records  int        `json:"records"`
	Answered *time.Time `json:"answered"`
	Status   int        `json:"status"`
	Millis   int64      `json:"millis"`
	Answer   string     `json:"answer"`
}

// WhyRun counts the rows of a run of which the topics do not tell whose they are.
type WhyRun struct {
	Run           string    `json:"run"`
	StartedAt     time.Time `json:"startedAt"`
	Unchanged     int64     `json:"unchanged"`
	Future        int64     `json:"future"`
	StillRejected int64     `json:"stillRejected"`
	Suppressed    int64     `json:"suppressed"`
}

// Why asks what became of the rows of a person. It returns the answer as it came too.
func (c *Client) Why(ctx context.Context, importName string, q WhyQuestion) (Why, json.RawMessage, error) {
	var text json.RawMessage
	var out Why
	err := c.doWithin(ctx, 5*time.Minute, http.MethodPost, "/v1/imports/"+url.PathEscape(importName)+"/why", nil, q, &text)
	if err == nil {
		err = json.Unmarshal(text, &out)
	}
	return out, text, err
}
