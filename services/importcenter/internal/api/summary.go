package api

import (
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

// DryRunProfiles counts the profiles that the records are about.
type DryRunProfiles struct {
	New     int64 `json:"new"`
	Updated int64 `json:"updated"`
	Unknown int64 `json:"unknown" doc:"CleverTap did not say"`
}

// DryRunEstimate is what a full run would cost.
type DryRunEstimate struct {
	Rows    int64   `json:"rows" doc:"Rows that the query gives"`
	Records int64   `json:"records" doc:"Of them become records, as in the sample"`
	Calls   int64   `json:"calls"`
	Seconds float64 `json:"seconds" doc:"At the account's limit, with calls as slow as the sample's"`
}

// Names of what is no property.
const (
	lineIdentity  = "Identity"
	lineEventName = "Event name"
	lineCreatedOn = "Created On"
	lineRecord    = "(record)"
)

// summarize counts the rows' outcomes by property.
func (h *handlers) summarize(out *DryRun, s *sample) {
	out.Properties = h.lines(s.Sample)
	at := map[string]int{}
	for i, p := range out.Properties {
		at[p.Property] = i
	}
	line := func(c DryRunCheck) *DryRunProperty {
		name := lineOf(s.Spec, c)
		if _, ok := at[name]; !ok {
			at[name] = len(out.Properties)
			out.Properties = append(out.Properties, DryRunProperty{Result: "success", Property: name})
		}
		return &out.Properties[at[name]]
	}
	profiles, records := DryRunProfiles{}, int64(0)
	for _, row := range s.rows {
		out.Rows = append(out.Rows, *row)
		for _, c := range row.Rejects {
			p := line(c)
			p.fail(c)
			p.Result, p.Failing = "error", p.Failing+1
		}
		for _, c := range row.Omitted {
			p := line(c)
			p.fail(c)
			p.Omitted++
		}
		if row.Record != nil {
			records++
		}
		switch row.Profile {
		case schemas.ProfileNew:
			profiles.New++
		case schemas.ProfileUpdated:
			profiles.Updated++
		case schemas.ProfileUnknown:
			profiles.Unknown++
		}
	}
	if s.Spec.Destination.Type == schemas.TypeProfile {
		out.Profiles = &profiles
	}
	out.Estimate = h.estimate(s, records)
}

func (p *DryRunProperty) fail(c DryRunCheck) {
	if p.Code == "" {
		p.Code, p.Reason = c.Code, c.Reason
	}
}

// lines are the identity, what makes an event, and the properties, before any
// row.
func (h *handlers) lines(s *schemas.Sample) []DryRunProperty {
	lines := []DryRunProperty{{Column: s.Spec.Identity.Column, Property: lineIdentity, Type: "string"}}
	if e := s.Spec.Destination.Event; e != nil {
		if e.NameColumn != "" {
			lines = append(lines, DryRunProperty{Column: e.NameColumn, Property: lineEventName, Type: "string"})
		}
		if e.CreatedOn != nil {
			lines = append(lines, DryRunProperty{Column: e.CreatedOn.Column, Property: lineCreatedOn, Type: "date"})
		}
	}
	if m, problems := mapping.Compile(s.Spec, s.Columns, h.options(&definition.Set{}, s.Spec.Destination.AccountRef)); len(problems) == 0 {
		for _, p := range m.Properties() {
			lines = append(lines, DryRunProperty{Column: p.Column, Property: p.Property, Type: p.Type})
		}
	}
	for i := range lines {
		lines[i].Result = "success"
	}
	return lines
}

// lineOf names the line that a failed check is about.
func lineOf(spec schemas.ImportSpec, c DryRunCheck) string {
	e := spec.Destination.Event
	switch {
	case c.Property != "":
		return c.Property
	case c.Column == "":
		return lineRecord
	case e != nil && (c.Code == "event_name_missing" || c.Code == "event_name_invalid" || c.Code == "event_restricted" || c.Code == "property_restricted"):
		return lineEventName
	case e != nil && e.CreatedOn != nil && (c.Code == "ts_invalid" || c.Code == "date_format"):
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
	if n := int64(len(s.rows)); n > 0 {
		e.Records = int64(float64(s.population) * float64(records) / float64(n))
	}
	e.Calls = (e.Records + size - 1) / size
	e.Seconds = float64((e.Calls+slots-1)/slots*s.millis) / 1000
	return e
}
