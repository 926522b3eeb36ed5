package clevertap

import (
	"bytes"
	"hash/maphash"
	"unicode/utf8"
)

func (d *decoder) checkProfile(r *record, sec *section) {
	var f fields
	dropped := false
	kept := sec.props[:0:len(sec.props)]
	for _, p := range sec.props {
		captureField(&f, p)
		if string(p.key) == "identity" {
			r.alias = identityText(p.value)
			dropped = true
			continue
		}
		if reason := d.profileDrop(p); reason != "" {
			d.notice(reason, p.key)
			dropped = true
			continue
		}
		r.operates = r.operates || p.value[0] == '{' && operator(p.value)
		kept = append(kept, p)
	}
	r.code, r.normalised = profileCode(&f)
	r.data, r.dataAt, r.keys = sec.raw, sec.at, len(kept)
	if dropped {
		r.data, r.dataAt = appendObject(nil, kept), -1
	}
}

func captureField(f *fields, p property) {
	switch string(p.key) {
	case "Gender":
		f.gender = p.value
	case "Email":
		f.email = p.value
	case "Phone":
		f.phone = p.value
	case "Employed":
		f.employed = p.value
	case "Education":
		f.education = p.value
	case "Married":
		f.married = p.value
	case "Age":
		f.age = p.value
	}
}

// profileDrop says why a property is left out, or "". CleverTap alters data of
// this kind after it has accepted the record and shows it on its error stream
// only; which properties exactly is ours.
func (d *decoder) profileDrop(p property) string {
	if !keyFits(p.key) {
		return "key"
	}
	switch p.value[0] {
	case '[':
		if singleValued[string(p.key)] {
			return "single-valued"
		}
		if !d.cfg.Nested && !scalarItems(p.value) {
			return "nested"
		}
	case '{':
		if string(p.key) == "category-unsubscribe" || string(p.key) == "category-resubscribe" {
			return ""
		}
		if operator(p.value) {
			if singleValued[string(p.key)] {
				return "single-valued"
			}
			return ""
		}
		if !d.cfg.Nested || nesting(p.value) > maxNesting {
			return "nested"
		}
	default:
		if !valueFits(p.value) {
			return "value"
		}
	}
	return ""
}

func (d *decoder) checkEvent(r *record, m *members) {
	name, _ := text(m.name)
	if len(bytes.TrimSpace(name)) == 0 {
		r.code = codeNameMissing
		return
	}
	r.name = name
	key := eventKey(string(name))
	switch {
	case restricted(key):
		r.code = codeRestricted
	case d.discard[key]:
		r.code = codeDiscarded
	case m.evt.props == nil:
		r.code = codeStructure
	case len(m.evt.props) > d.cfg.EventProperties:
		r.code = codeProperties
	}
	if r.code != 0 {
		return
	}
	if bytes.ContainsAny(name, prohibitedInName) || utf8.RuneCount(name) > maxValueBytes {
		d.notice("event name", name)
	}
	d.checkEventData(r, &m.evt, key == "charged")
	r.hash = d.eventHash(r, m)
}

func (d *decoder) checkEventData(r *record, sec *section, charged bool) {
	dropped := false
	kept := sec.props[:0:len(sec.props)]
	for _, p := range sec.props {
		switch {
		case p.value[0] == '{' || p.value[0] == '[':
			items := charged && string(p.key) == "Items" && p.value[0] == '['
			if !items && (!d.cfg.Nested || nesting(p.value) > maxNesting) {
				r.code = codeStructure
				return
			}
		case !valueFits(p.value):
			d.notice("value", p.key)
			dropped = true
			continue
		}
		if !keyFits(p.key) {
			d.notice("key", p.key)
			dropped = true
			continue
		}
		kept = append(kept, p)
	}
	r.data, sec.props = sec.raw, kept
	if dropped {
		r.data = appendObject(nil, kept)
	}
}

// eventHash does not depend on the order of properties: two events that are
// equal in all fields are the same event twice.
func (d *decoder) eventHash(r *record, m *members) uint64 {
	h := maphash.Bytes(d.seed, r.id) ^ maphash.String(d.seed, r.scheme)
	h = h*31 + maphash.Bytes(d.seed, r.name)
	h = h*31 + maphash.Bytes(d.seed, m.ts)
	var sum uint64
	for _, p := range m.evt.props {
		k := maphash.Bytes(d.seed, p.key)*0x9e3779b97f4a7c15 ^ maphash.Bytes(d.seed, p.value)
		sum += k * 0xbf58476d1ce4e5b9
	}
	return h*31 + sum
}

// valueFits reports whether a scalar is within the limit, in bytes.
func valueFits(raw []byte) bool {
	if len(raw) <= maxValueBytes {
		return true
	}
	chars, ok := text(raw)
	return ok && len(chars) <= maxValueBytes
}

func scalarItems(raw []byte) bool {
	s := &scanner{b: raw}
	flat := true
	err := s.array(func() error {
		item, err := s.value()
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
			s := &scanner{b: raw, i: i}
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

func (d *decoder) notice(reason string, name []byte) {
	d.notices = append(d.notices, Notice{Reason: reason, Name: string(name)})
}
