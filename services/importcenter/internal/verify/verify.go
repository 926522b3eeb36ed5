// Package verify compares the records that an import would send with what CleverTap holds
// of the same people. It does no I/O.
package verify

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	"tapline.dev/schemas"
)

// What a comparison found.
const (
	Equal         = "equal"
	Differs       = "differs"
	Missing       = "missing"       // CleverTap has no such profile, or no such event of the person
	Shown         = "shown"         // of an event: CleverTap counts at least as many of its name
	NotComparable = "notComparable" // nothing that differs can be compared
	Unknown       = "unknown"       // CleverTap did not say what it holds
)

// Why a property cannot be compared.
const (
	ReasonOperator = "an operator changes what CleverTap holds; the value is not set"
	ReasonHashed   = "a hash is sent, and CleverTap may keep another form of it"
	ReasonAliases  = "CleverTap keeps several identities of a person"
	reasonOthers   = "also written by "
)

// Rules say which properties cannot be compared, by their names in lower case.
type Rules struct {
	Hashed map[string]bool
	Others map[string][]string // the other imports that write the property
}

// RulesOf are those of a definition, beside other definitions for the same account.
func RulesOf(spec schemas.ImportSpec, others map[string]schemas.ImportSpec) Rules {
	r := Rules{Hashed: map[string]bool{}, Others: map[string][]string{}}
	ours := map[string]bool{}
	for _, p := range spec.Mapping {
		ours[strings.ToLower(p.To)] = true
		if p.Transform != "" {
			r.Hashed[strings.ToLower(p.To)] = true
		}
	}
	for name, other := range others {
		if other.Draft || other.Destination.Type != schemas.TypeProfile || other.Destination.AccountRef != spec.Destination.AccountRef {
			continue
		}
		for _, p := range other.Mapping {
			if key := strings.ToLower(p.To); ours[key] {
				r.Others[key] = append(r.Others[key], name)
			}
		}
	}
	return r
}

// Value is one property of a person, as it would be sent and as CleverTap holds it.
type Value struct {
	Property string          `json:"property" doc:"Its name at CleverTap"`
	Result   string          `json:"result" enum:"equal,differs,missing,notComparable,shown" doc:"What comparing has shown"`
	Ours     json.RawMessage `json:"ours,omitempty" doc:"As it would be sent now; of an event, how many of its name the sample has of the person"`
	Theirs   json.RawMessage `json:"theirs,omitempty" doc:"As CleverTap holds it; absent if it holds none"`
	Reason   string          `json:"reason,omitempty" doc:"Why it cannot be compared"`
	Sent     *time.Time      `json:"sent,omitempty" doc:"When we last sent it, of one that differs: when CleverTap took the newest record of the person that has it; absent if the topics tell of none, and of all but the first 20 people"`
}

// profile is a record of CleverTap's.
type profile struct {
	ProfileData map[string]json.RawMessage        `json:"profileData"`
	Events      map[string]struct{ Count *int64 } `json:"events"`
	Identity    json.RawMessage                   `json:"identity"`
	Name        json.RawMessage                   `json:"name"`
	Email       json.RawMessage                   `json:"email"`
	Phone       json.RawMessage                   `json:"phone"`
}

// holds is what the profile has under a name; nil if nothing.
func (p *profile) holds(name string) json.RawMessage {
	if v, ok := p.ProfileData[name]; ok {
		return v
	}
	for other, v := range p.ProfileData {
		if strings.EqualFold(other, name) {
			return v
		}
	}
	return map[string]json.RawMessage{"identity": p.Identity, "name": p.Name, "email": p.Email, "phone": p.Phone}[strings.ToLower(name)]
}

// Profile compares a record of a profile with what CleverTap holds, property by property
// in the order of the record. It returns false if one of them cannot be read.
func Profile(record, held []byte, rules Rules) ([]Value, bool) {
	var theirs profile
	if json.Unmarshal(held, &theirs) != nil {
		return nil, false
	}
	ours, ok := properties(record)
	for i := range ours {
		ours[i].Theirs = theirs.holds(ours[i].Property)
		ours[i].Result, ours[i].Reason = compare(&ours[i], rules)
	}
	return ours, ok
}

// properties are those of a record, in its order.
func properties(record []byte) ([]Value, bool) {
	var body struct {
		ProfileData json.RawMessage `json:"profileData"`
	}
	if json.Unmarshal(record, &body) != nil || len(body.ProfileData) == 0 {
		return nil, false
	}
	d := json.NewDecoder(bytes.NewReader(body.ProfileData))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, false
	}
	out := []Value{}
	for d.More() {
		name, err := d.Token()
		text, isText := name.(string)
		if err != nil || !isText {
			return nil, false
		}
		var value json.RawMessage
		if d.Decode(&value) != nil {
			return nil, false
		}
		out = append(out, Value{Property: text, Ours: value})
	}
	return out, true
}

func compare(v *Value, rules Rules) (result, reason string) {
	key := strings.ToLower(v.Property)
	switch {
	case isOperator(v.Ours):
		return NotComparable, ReasonOperator
	case same(key, v.Ours, v.Theirs):
		return Equal, ""
	case rules.Hashed[key]:
		return NotComparable, ReasonHashed
	case key == "identity":
		return NotComparable, ReasonAliases
	case len(rules.Others[key]) > 0:
		return NotComparable, reasonOthers + strings.Join(rules.Others[key], ", ")
	}
	return Differs, ""
}

// Of is what the comparison of a person's properties comes to.
func Of(values []Value) string {
	compared := false
	for _, v := range values {
		if v.Result == Differs {
			return Differs
		}
		compared = compared || v.Result == Equal
	}
	if !compared && len(values) > 0 {
		return NotComparable
	}
	return Equal
}

// Event compares how many events of a name a person has in the sample with how many
// CleverTap counts.
func Event(name string, sampled int64, held []byte) (Value, bool) {
	var theirs profile
	if json.Unmarshal(held, &theirs) != nil {
		return Value{}, false
	}
	v := Value{Property: name, Result: Missing}
	v.Ours, _ = json.Marshal(sampled)
	for other, e := range theirs.Events {
		if eventKey(other) != eventKey(name) || e.Count == nil {
			continue
		}
		v.Theirs, _ = json.Marshal(*e.Count)
		if *e.Count >= sampled {
			v.Result = Shown
		}
	}
	return v, true
}

// eventKey is what names of one event have in common: CleverTap ignores case and blanks.
func eventKey(name string) string { return strings.ToLower(strings.ReplaceAll(name, " ", "")) }

// EventName is the name of the event of a record.
func EventName(record []byte) string {
	var body struct {
		Name string `json:"evtName"`
	}
	_ = json.Unmarshal(record, &body) // the mapper wrote it
	return body.Name
}
