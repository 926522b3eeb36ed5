package api

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/verify"
)

// comparison adds up what a verification finds.
type comparison struct {
	out        Verification
	rules      verify.Rules
	byProperty map[string]*VerifiedProperty
	order      []string
	began      time.Time
	repair     []string // the identities of those who differ or are missing
	seen       map[string]bool
}

// verified compares the sample of a verification with what CleverTap held. It returns the
// identities of those who differ or are missing too.
func (h *handlers) verified(ctx context.Context, s *schemas.Sample) (Verification, []string, error) {
	rows, err := h.readSample(ctx, s)
	if err != nil {
		return Verification{}, nil, err
	}
	answers, err := h.answers(ctx, s)
	if err != nil {
		return Verification{}, nil, err
	}
	importName := schemas.ImportOf(s.Run)
	others := map[string]schemas.ImportSpec{}
	for _, d := range h.Catalog.Imports() {
		if d.Metadata.Name != importName {
			others[d.Metadata.Name] = d.Spec
		}
	}
	rules := verify.RulesOf(s.Spec, others)
	for property, names := range rules.Others {
		for i := range names {
			names[i] = h.nameOf(ctx, names[i])
		}
		slices.Sort(names)
		rules.Others[property] = slices.Compact(names)
	}
	c := &comparison{
		rules: rules, byProperty: map[string]*VerifiedProperty{}, seen: map[string]bool{}, began: h.lastRunBegan(importName),
		out: Verification{Type: s.Spec.Destination.Type, Population: rows.population, Whole: rows.read >= rows.population, Properties: []VerifiedProperty{}, Rows: []Verified{}},
	}
	if c.out.Type == schemas.TypeEvent {
		c.events(rows, answers)
	} else {
		c.profiles(rows, answers, s.Spec.Source.Cursor != nil)
	}
	return c.finish(s), c.repair, nil
}

// left counts a row that is not compared, and reports whether it is one.
func (c *comparison) left(row *DryRunRow) bool {
	switch {
	case row.Older:
		c.out.People.Older++
	case row.Skipped == schemas.SkipSuppressed:
		c.out.People.Suppressed++
	case len(row.Record) == 0:
		c.out.People.Rejected++
	default:
		c.seen[identityOf(row.Record)] = true
		return false
	}
	return true
}

func (c *comparison) profiles(s *sample, answers map[string]schemas.LookupAnswer, versions bool) {
	rowsOf := map[string]int{} // by identity
	if !versions {
		for _, row := range s.rows {
			rowsOf[identityOf(row.Record)]++
		}
	}
	for _, row := range s.rows {
		if c.left(row) {
			continue
		}
		v := c.verified(row)
		a := answers[row.id]
		switch {
		case rowsOf[v.Identity] > 1:
			v.Result, v.Reason = verify.NotComparable, "the query gives several rows of the identity, and without source.cursor nothing tells which is the newest"
		case a.Outcome == schemas.LookupNotFound:
			v.Result = verify.Missing
		case a.Outcome != schemas.LookupFound:
			v.unknown(a)
		default:
			c.compare(&v, row, a)
		}
		c.add(v)
	}
}

// compare compares a row's record with a profile that was found.
func (c *comparison) compare(v *Verified, row *DryRunRow, a schemas.LookupAnswer) {
	values, ok := verify.Profile(row.Record, a.Profile, c.rules)
	if !ok {
		v.Result, v.Reason = verify.Unknown, "CleverTap's record of the person cannot be read"
		return
	}
	v.Result = verify.Of(values)
	for _, value := range values {
		c.count(value)
		if value.Result != verify.Equal {
			v.Values = append(v.Values, value)
		}
	}
}

// events compares counts: for each person and event name how many the sample has, and how
// many CleverTap counts.
func (c *comparison) events(s *sample, answers map[string]schemas.LookupAnswer) {
	type key struct{ identity, name string }
	counts, first, order := map[key]int64{}, map[key]*DryRunRow{}, []key{}
	for _, row := range s.rows {
		if c.left(row) {
			continue
		}
		k := key{identityOf(row.Record), verify.EventName(row.Record)}
		if counts[k]++; first[k] == nil {
			first[k] = row
			order = append(order, k)
		}
	}
	for _, k := range order {
		v := c.verified(first[k])
		switch a := answers[first[k].id]; a.Outcome {
		case schemas.LookupNotFound:
			v.Result = verify.Missing
		case schemas.LookupFound:
			value, ok := verify.Event(k.name, counts[k], a.Profile)
			if v.Result = value.Result; !ok {
				v.Result, v.Reason = verify.Unknown, "CleverTap's record of the person cannot be read"
				break
			}
			v.Values = append(v.Values, value)
		default:
			v.unknown(a)
		}
		c.add(v)
	}
}

func (c *comparison) verified(row *DryRunRow) Verified {
	v := Verified{Identity: identityOf(row.Record), Changed: row.changed, Values: []verify.Value{}}
	if at, err := schemas.ParseInstant(row.changed); err == nil && !c.began.IsZero() {
		v.Waits = at.After(c.began)
	}
	return v
}

func (v *Verified) unknown(a schemas.LookupAnswer) {
	v.Result, v.Reason = verify.Unknown, a.Reason
	if a.Outcome == "" {
		v.Reason = "CleverTap's answer is not in the log any more"
	}
}

func (c *comparison) count(v verify.Value) {
	p := c.byProperty[v.Property]
	if p == nil {
		p = &VerifiedProperty{Property: v.Property}
		c.byProperty[v.Property] = p
		c.order = append(c.order, v.Property)
	}
	switch v.Result {
	case verify.Equal:
		p.Equal++
	case verify.Differs:
		p.Differs++
	default:
		p.NotComparable++
		p.Reason = v.Reason
	}
}

func (c *comparison) add(v Verified) {
	p := &c.out.People
	p.Compared++
	switch v.Result {
	case verify.Equal, verify.Shown:
		p.Equal++
		return
	case verify.Differs:
		p.Differs++
		c.repair = append(c.repair, v.Identity)
	case verify.Missing:
		p.Missing++
		c.repair = append(c.repair, v.Identity)
	case verify.NotComparable:
		p.NotComparable++
		p.Compared--
	default:
		p.Unknown++
		p.Compared--
	}
	c.out.Rows = append(c.out.Rows, v)
}

func (c *comparison) finish(s *schemas.Sample) Verification {
	for _, name := range c.order {
		c.out.Properties = append(c.out.Properties, *c.byProperty[name])
	}
	p := &c.out.People
	if s.Verify.People == "" {
		c.out.Interval = verify.Wilson(p.Differs+p.Missing, p.Compared, c.out.Whole && p.Unknown == 0)
		return c.out
	}
	c.out.Whole = false
	p.Asked = int64(s.Verify.Asked)
	p.NotInSource = max(0, p.Asked-int64(len(c.seen))-p.Rejected-p.Suppressed)
	return c.out
}

// identityOf is whose a record is.
func identityOf(record []byte) string {
	var r struct {
		Identity string `json:"identity"`
		ObjectID string `json:"objectId"`
	}
	_ = json.Unmarshal(record, &r) // the mapper wrote it
	if r.Identity == "" {
		return r.ObjectID
	}
	return r.Identity
}
