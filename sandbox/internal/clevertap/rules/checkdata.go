package rules

import (
	"bytes"
	"hash/maphash"
	"unicode/utf8"
)

func (d *Decoder) checkProfile(r *Record, sec *section) {
	var f fields
	dropped := false
	kept := sec.props[:0:len(sec.props)]
	for _, p := range sec.props {
		if name := SystemName(p.Key); string(name) != string(p.Key) {
			p.Key, dropped = name, true // the data is written anew, under CleverTap's names
		}
		captureField(&f, p)
		if string(p.Key) == "identity" {
			r.Alias = identityText(p.Value)
			dropped = true
			continue
		}
		if reason := d.profileDrop(p); reason != "" {
			d.notice(reason, p.Key)
			dropped = true
			continue
		}
		r.Operates = r.Operates || p.Value[0] == '{' && operator(p.Value)
		kept = append(kept, p)
	}
	r.Code, r.Normalised = profileCode(&f)
	r.Data, r.DataAt, r.Keys = sec.raw, sec.at, len(kept)
	if dropped {
		r.Data, r.DataAt = AppendObject(nil, kept), -1
	}
}

func captureField(f *fields, p Property) {
	switch string(p.Key) {
	case "Gender":
		f.gender = p.Value
	case "Email":
		f.email = p.Value
	case "Phone":
		f.phone = p.Value
	case "Employed":
		f.employed = p.Value
	case "Education":
		f.education = p.Value
	case "Married":
		f.married = p.Value
	case "Age":
		f.age = p.Value
	}
}

// profileDrop says why a property is left out, or "". CleverTap alters data of
// this kind after it has accepted the record and shows it on its error stream
// only; which properties exactly is our choice.
func (d *Decoder) profileDrop(p Property) string {
	if !keyFits(p.Key) {
		return "key"
	}
	switch p.Value[0] {
	case '[':
		if singleValued[string(p.Key)] {
			return "single-valued"
		}
		if !d.cfg.Nested && !ScalarItems(p.Value) {
			return "nested"
		}
	case '{':
		if string(p.Key) == "category-unsubscribe" || string(p.Key) == "category-resubscribe" {
			return ""
		}
		if operator(p.Value) {
			if singleValued[string(p.Key)] {
				return "single-valued"
			}
			return ""
		}
		if !d.cfg.Nested || nesting(p.Value) > maxNesting {
			return "nested"
		}
	default:
		if !valueFits(p.Value) {
			return "value"
		}
	}
	return ""
}

func (d *Decoder) checkEvent(r *Record, m *members) {
	name, _ := Chars(m.name)
	if len(bytes.TrimSpace(name)) == 0 {
		r.Code = codeNameMissing
		return
	}
	r.Name = name
	key := EventKey(string(name))
	switch {
	case restricted(key):
		r.Code = codeRestricted
	case d.discard[key]:
		r.Code = codeDiscarded
	case m.evt.props == nil:
		r.Code = codeStructure
	case len(m.evt.props) > d.cfg.EventProperties:
		r.Code = codeProperties
	}
	if r.Code != 0 {
		return
	}
	if bytes.ContainsAny(name, prohibitedInName) || utf8.RuneCount(name) > MaxValueBytes {
		d.notice("event name", name)
	}
	d.checkEventData(r, &m.evt, key == "charged")
	r.Hash = d.eventHash(r, m)
}

func (d *Decoder) checkEventData(r *Record, sec *section, charged bool) {
	dropped := false
	kept := sec.props[:0:len(sec.props)]
	for _, p := range sec.props {
		switch {
		case p.Value[0] == '{' || p.Value[0] == '[':
			items := charged && string(p.Key) == "Items" && p.Value[0] == '['
			if !items && (!d.cfg.Nested || nesting(p.Value) > maxNesting) {
				r.Code = codeStructure
				return
			}
		case !valueFits(p.Value):
			d.notice("value", p.Key)
			dropped = true
			continue
		}
		if !keyFits(p.Key) {
			d.notice("key", p.Key)
			dropped = true
			continue
		}
		kept = append(kept, p)
	}
	r.Data, sec.props = sec.raw, kept
	if dropped {
		r.Data = AppendObject(nil, kept)
	}
}

// eventHash does not depend on the order of properties: two events that are
// equal in all fields are the same event twice.
func (d *Decoder) eventHash(r *Record, m *members) uint64 {
	h := maphash.Bytes(d.seed, r.ID) ^ maphash.String(d.seed, r.Scheme)
	h = h*31 + maphash.Bytes(d.seed, r.Name)
	h = h*31 + maphash.Bytes(d.seed, m.ts)
	var sum uint64
	for _, p := range m.evt.props {
		k := maphash.Bytes(d.seed, p.Key)*0x9e3779b97f4a7c15 ^ maphash.Bytes(d.seed, p.Value)
		sum += k * 0xbf58476d1ce4e5b9
	}
	return h*31 + sum
}

// valueFits reports whether a scalar is within the limit, in bytes.
func valueFits(raw []byte) bool {
	if len(raw) <= MaxValueBytes {
		return true
	}
	chars, ok := Chars(raw)
	return ok && len(chars) <= MaxValueBytes
}

// ScalarItems reports whether an array holds no objects and arrays.
func ScalarItems(raw []byte) bool {
	s := &Scanner{B: raw}
	flat := true
	err := s.Array(func() error {
		item, err := s.Value()
		flat = flat && err == nil && item[0] != '{' && item[0] != '['
		return err
	})
	return err == nil && flat
}

// nesting counts the levels of a value: 0 for a scalar.
func nesting(raw []byte) int {
	depth, deepest := 0, 0
	for i := 0; i < len(raw); i++ {
		switch raw[i] {
		case '"':
			s := &Scanner{B: raw, i: i}
			if s.skipString() != nil {
				return deepest
			}
			i = s.i - 1
		case '{', '[':
			depth++
			deepest = max(deepest, depth)
		case '}', ']':
			depth--
		}
	}
	return deepest
}

func (d *Decoder) notice(reason string, name []byte) {
	d.Notices = append(d.Notices, Notice{Reason: reason, Name: string(name)})
}
