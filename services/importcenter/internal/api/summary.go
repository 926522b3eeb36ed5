package api

import (
	"encoding/json"
	"slices"
	"strings"

	"tapline.dev/domain/definition"
	"tapline.dev/domain/mapping"
	"tapline.dev/schemas"
)

// DryRun is what a dry run has shown. Properties and rows are there for an hour.
type DryRun struct {
	Run        schemas.Run      `json:"run"`
	Properties []DryRunProperty `json:"properties"`
	Profiles   *DryRunProfiles  `json:"profiles,omitempty"`
	Estimate   *DryRunEstimate  `json:"estimate,omitempty"`
	Older      int64            `json:"older,omitempty" doc:"Records of rows of whose identity the query gives a newer row; a sync leaves them out"`
	Rows       []DryRunRow      `json:"rows"`
}

// DryRunProperty is a line of the mapping: whether it is ready, and else why not.
type DryRunProperty struct {
	Result   string `json:"result" enum:"success,error"`
	Column   string `json:"column" doc:"Database nickname"`
	Property string `json:"property" doc:"CleverTap property"`
	Type     string `json:"type"`
	Failing  int64  `json:"failing" doc:"Rows whose value fails a check"`
	Omitted  int64  `json:"omitted" doc:"Rows that are loaded without it"`
	Code     string `json:"code,omitempty" doc:"Of the first failure"`
	Reason   string `json:"reason,omitempty"`
}

// DryRunProfiles counts the profiles that the records are about, each once.
type DryRunProfiles struct {
	New     int64 `json:"new"`
	Updated int64 `json:"updated"`
	Unknown int64 `json:"unknown" doc:"CleverTap did not say"`
}

// DryRunEstimate is what a run would cost that reads everything. An incremental run
// also leaves out what has not changed since the run before.
type DryRunEstimate struct {
	Rows    int64   `json:"rows" doc:"Rows that the query gives"`
	Records int64   `json:"records" doc:"About how many of them become records, by the share of the sample's rows"`
	Calls   int64   `json:"calls"`
	Seconds float64 `json:"seconds" doc:"At the account's limit, with calls as slow as the sample's"`
}

// Names of lines that are about no property.
const (
	lineIdentity  = "Identity"
	lineEventName = "Event name"
	lineCreatedOn = "Created On"
	lineCursor    = "Updated On"
	lineRecord    = "(record)"
)

// summarize counts the rows' outcomes by property.
func (h *handlers) summarize(out *DryRun, s *sample) {
	counts := newPropertyCounts(s.Spec, h.lines(s.Spec, s.Columns, s.Gone))
	records, _ := s.counts(false)
	for _, row := range s.rows {
		out.Rows = append(out.Rows, *row)
		counts.add(row.Rejects, row.Omitted)
		if row.Record != nil && row.Older {
			out.Older++
		}
	}
	out.Properties = counts.properties
	if s.Spec.Destination.Type == schemas.TypeProfile {
		out.Profiles = s.profiles()
	}
	out.Estimate = h.estimate(s, records)
}

// propertyCounts counts failed checks by the line of the mapping that they are about.
type propertyCounts struct {
	spec       schemas.ImportSpec
	properties []DryRunProperty
	at         map[string]int // by property
}

func newPropertyCounts(spec schemas.ImportSpec, lines []DryRunProperty) *propertyCounts {
	c := &propertyCounts{spec: spec, properties: lines, at: map[string]int{}}
	for i, p := range lines {
		c.at[p.Property] = i
	}
	return c
}

// add counts the checks that a row failed.
func (c *propertyCounts) add(rejects, omitted []DryRunCheck) {
	for _, check := range rejects {
		p := c.line(check)
		if p.Failing == 0 { // in place of what is only left out
			p.Code, p.Reason = check.Code, check.Reason
		}
		p.Result, p.Failing = "error", p.Failing+1
	}
	for _, check := range omitted {
		p := c.line(check)
		if p.Code == "" {
			p.Code, p.Reason = check.Code, check.Reason
		}
		p.Omitted++
	}
}

// line is that of a check; a check that is about no line gets one.
func (c *propertyCounts) line(check DryRunCheck) *DryRunProperty {
	name := lineOf(c.spec, c.properties, check)
	if _, ok := c.at[name]; !ok {
		c.at[name] = len(c.properties)
		c.properties = append(c.properties, DryRunProperty{Result: "success", Property: name})
	}
	return &c.properties[c.at[name]]
}

// profiles counts each profile once, however many of its rows are in the sample.
func (s *sample) profiles() *DryRunProfiles {
	var p DryRunProfiles
	type profile struct{ Identity, ObjectID string }
	seen := map[profile]bool{}
	for _, row := range s.rows {
		var of profile
		if row.Profile == "" || json.Unmarshal(row.Record, &of) != nil || seen[of] {
			continue
		}
		seen[of] = true
		switch row.Profile {
		case schemas.ProfileNew:
			p.New++
		case schemas.ProfileUpdated:
			p.Updated++
		case schemas.ProfileUnknown:
			p.Unknown++
		}
	}
	return &p
}

// lines returns a line for the identity, for the event's name and time, and for
// each property, before any row is counted.
func (h *handlers) lines(spec schemas.ImportSpec, columns []schemas.Column, gone []string) []DryRunProperty {
	lines := []DryRunProperty{{Column: spec.Identity.Column, Property: lineIdentity, Type: "string"}}
	if e := spec.Destination.Event; e != nil {
		if e.NameColumn != "" {
			lines = append(lines, DryRunProperty{Column: e.NameColumn, Property: lineEventName, Type: "string"})
		}
		if e.CreatedOn != nil {
			lines = append(lines, DryRunProperty{Column: e.CreatedOn.Column, Property: lineCreatedOn, Type: "date"})
		}
	}
	if m, problems := mapping.CompileWithout(spec, columns, gone, h.options(&definition.Set{}, spec.Destination.AccountRef)); len(problems) == 0 {
		for _, p := range m.Properties() {
			lines = append(lines, DryRunProperty{Column: p.Column, Property: p.Property, Type: p.Type})
		}
	}
	for i := range lines {
		lines[i].Result = "success"
	}
	return lines
}

// lineOfColumn names the first line of a column.
func lineOfColumn(lines []DryRunProperty, column string) string {
	for _, p := range lines {
		if column != "" && strings.EqualFold(p.Column, column) {
			return p.Property
		}
	}
	return lineRecord
}

// createdOnCodes are of checks of an event's time.
var createdOnCodes = []string{"ts_invalid", "date_format", "outside_retention", "event_in_future", liveEvent}

// lineOf names the line that a failed check is about.
func lineOf(spec schemas.ImportSpec, lines []DryRunProperty, c DryRunCheck) string {
	e := spec.Destination.Event
	switch {
	case c.Property != "":
		return c.Property
	case c.Code == "cursor_future":
		return lineCursor
	case c.Code == "row_unreadable":
		return lineOfColumn(lines, c.Column)
	case c.Column == "":
		return lineRecord
	case e != nil && (c.Code == "event_name_missing" || c.Code == "event_name_invalid" || c.Code == "event_restricted" || c.Code == "property_restricted"):
		return lineEventName
	case e != nil && e.CreatedOn != nil && slices.Contains(createdOnCodes, c.Code):
		return lineCreatedOn
	}
	return lineIdentity
}

// estimate says what all of the query's rows would cost. It takes the slowest
// upload of the sample for the pace of every one.
func (h *handlers) estimate(s *sample, records int64) *DryRunEstimate {
	account := h.account(s.Spec.Destination.AccountRef).WithDefaults()
	slots, size := int64(account.Slots), int64(account.RecordsPerUpload)
	e := &DryRunEstimate{Rows: s.population}
	e.Records = s.ofAll(records)
	e.Calls = (e.Records + size - 1) / size
	e.Seconds = float64((e.Calls+slots-1)/slots*s.millis) / 1000
	return e
}
