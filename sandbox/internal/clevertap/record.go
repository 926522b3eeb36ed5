package clevertap

import (
	"bytes"
	"hash/maphash"
	"unicode/utf8"
)

type recordKind byte

const (
	kindOther recordKind = iota
	kindProfile
	kindEvent
)

// property is a name without its quotes and the raw text of its value.
type property struct{ key, value []byte }

// fields are the raw values of the profile fields that have a rule.
type fields struct {
	gender, email, phone, employed, education, married, age []byte
}

// record is one element of "d" after the checks. Its slices point into the
// request body, which lives until the upload has been applied.
type record struct {
	raw      []byte
	kind     recordKind
	scheme   string // identity, objectId, FBID or GPID
	id       []byte
	alias    []byte // profileData.identity
	objectID []byte // beside an identity
	name     []byte
	ts       int64
	data     []byte // profileData or evtData without dropped properties
	dataAt   int    // where data lies in raw; -1 when it was written anew
	keys     int    // of data
	operates bool   // has $add and its kin, so that applying it twice matters
	hash     uint64 // of an event: every field, in any order of properties

	code       int // 0: accepted
	normalised bool
}

// identifier is how a record names its profile while it is being read.
type identifier struct{ identity, objectID, fbid, gpid []byte }

// members are the raw members of a record as they come by.
type members struct {
	typ, ts, name []byte
	ids           identifier
	profile, evt  section
}

// section is profileData or evtData.
type section struct {
	at    int // in the body, then in the record
	raw   []byte
	props []property // nil unless raw is an object
}

// decoder reads one request body. It is reused, for its scratch space.
type decoder struct {
	cfg     Config
	seed    maphash.Seed
	discard map[string]bool
	scratch [2][]property
	records []record
	notices []Notice
}

// decode reads the records of a body in their order. The only error is JSON
// that cannot be read or has no list "d".
func (d *decoder) decode(body []byte) error {
	d.records, d.notices = d.records[:0], d.notices[:0]
	if !utf8.Valid(body) {
		return errJSON
	}
	s := &scanner{b: body}
	found := false
	err := s.object(func(key []byte) error {
		if chars, _ := text(key); string(chars) != "d" {
			_, err := s.value()
			return err
		}
		found = true
		return s.array(func() error {
			r, err := d.record(s)
			d.records = append(d.records, r)
			return err
		})
	})
	if err != nil {
		return err
	}
	s.space()
	if !found || s.i != len(body) {
		return errJSON
	}
	return nil
}

func (d *decoder) record(s *scanner) (record, error) {
	s.space()
	start := s.i
	if start < len(s.b) && s.b[start] != '{' {
		raw, err := s.value()
		return record{raw: raw, code: codeType}, err
	}
	var m members
	err := s.object(func(key []byte) error { return d.member(s, key, &m) })
	if err != nil {
		return record{}, err
	}
	r := record{raw: s.b[start:s.i]}
	m.profile.at -= start
	m.evt.at -= start
	d.check(&r, &m)
	return r, nil
}

func (d *decoder) member(s *scanner, key []byte, m *members) error {
	chars, _ := text(key)
	var err error
	switch string(chars) {
	case "type":
		m.typ, err = s.value()
	case "identity":
		m.ids.identity, err = s.value()
	case "objectId":
		m.ids.objectID, err = s.value()
	case "FBID":
		m.ids.fbid, err = s.value()
	case "GPID":
		m.ids.gpid, err = s.value()
	case "ts":
		m.ts, err = s.value()
	case "evtName":
		m.name, err = s.value()
	case "profileData":
		err = d.section(s, 0, &m.profile)
	case "evtData":
		err = d.section(s, 1, &m.evt)
	default:
		// Unknown members are tolerated.
		_, err = s.value()
	}
	return err
}

func (d *decoder) section(s *scanner, slot int, into *section) error {
	s.space()
	start := s.i
	into.at, into.props = start, nil
	if start < len(s.b) && s.b[start] != '{' {
		raw, err := s.value()
		into.raw = raw
		return err
	}
	props := d.scratch[slot][:0]
	err := s.object(func(key []byte) error {
		chars, _ := text(key)
		value, err := s.value()
		props = append(props, property{chars, value})
		return err
	})
	d.scratch[slot] = props
	into.raw, into.props = s.b[start:s.i], props
	if props == nil {
		into.props = []property{}
	}
	return err
}

// check applies the record rules in CleverTap's order and keeps the first code.
// That type and identity come before ts is ours.
func (d *decoder) check(r *record, m *members) {
	typ, _ := text(m.typ)
	switch string(typ) {
	case "profile":
		r.kind = kindProfile
	case "event":
		r.kind = kindEvent
	}
	if r.kind == kindOther || r.kind == kindProfile && m.profile.props == nil {
		r.code = codeType
		return
	}
	if r.code = identify(r, &m.ids); r.code != 0 {
		return
	}
	if m.ts != nil {
		if !validTimestamp(m.ts) {
			r.code = codeTimestamp
			return
		}
		for _, c := range m.ts {
			r.ts = r.ts*10 + int64(c-'0')
		}
	}
	if r.kind == kindProfile {
		d.checkProfile(r, &m.profile)
		return
	}
	d.checkEvent(r, m)
}

// identify settles which profile a record is about.
func identify(r *record, ids *identifier) int {
	if ids.objectID != nil {
		chars, ok := text(ids.objectID)
		if !ok || len(chars) == 0 || utf8.RuneCount(chars) > maxIdentityChars || bytes.ContainsAny(chars, " \t\r\n") {
			return codeObjectID
		}
		r.objectID = chars
	}
	for _, c := range []struct {
		scheme string
		raw    []byte
	}{{"identity", ids.identity}, {"FBID", ids.fbid}, {"GPID", ids.gpid}} {
		if chars := identityText(c.raw); len(chars) > 0 && utf8.RuneCount(chars) <= maxIdentityChars {
			r.scheme, r.id = c.scheme, chars
			return 0
		}
	}
	if r.objectID == nil {
		return codeIdentity
	}
	r.scheme, r.id, r.objectID = "objectId", r.objectID, nil
	return 0
}

// identityText takes a string, or a number as it is written.
func identityText(raw []byte) []byte {
	if len(raw) == 0 {
		return nil
	}
	if chars, ok := text(raw); ok {
		return chars
	}
	if raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9' {
		return raw
	}
	return nil
}
