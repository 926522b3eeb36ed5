package rules

import (
	"bytes"
	"hash/maphash"
	"unicode/utf8"

	"tapline.dev/sandbox/internal/clevertap/account"
)

type recordKind byte

const (
	kindOther recordKind = iota
	KindProfile
	KindEvent
)

// Property is a name without its quotes and the raw text of its value.
type Property struct{ Key, Value []byte }

// fields are the raw values of the profile fields that have a rule.
type fields struct {
	gender, email, phone, employed, education, married, age []byte
}

// Record is one element of "d" after the checks. Its slices point into the
// request body, which lives until the upload has been applied.
type Record struct {
	Raw      []byte
	Kind     recordKind
	Scheme   string // identity, objectId, FBID or GPID
	ID       []byte
	Alias    []byte // profileData.identity
	ObjectID []byte // beside an identity
	Name     []byte
	TS       int64
	Data     []byte // profileData or evtData without dropped properties
	DataAt   int    // where data lies in raw; -1 when it was written anew
	Keys     int    // of data
	Operates bool   // has $add and its kin, so that applying it twice matters
	Hash     uint64 // of an event: every field, in any order of properties

	Code       int // 0: accepted
	Normalised bool
}

// identifier is how a record names its profile while it is being read.
type identifier struct{ identity, objectID, fbid, gpid []byte }

// members are the raw members of a record while it is read.
type members struct {
	typ, ts, name []byte
	ids           identifier
	profile, evt  section
}

// section is profileData or evtData.
type section struct {
	at    int // in the body, then in the record
	raw   []byte
	props []Property // nil unless raw is an object
}

// Decoder reads one request body. It is reused, for its scratch space.
type Decoder struct {
	cfg     account.Config
	seed    maphash.Seed
	discard map[string]bool
	scratch [2][]Property
	Records []Record
	Notices []Notice
}

// NewDecoder makes a decoder for one account.
func NewDecoder(cfg account.Config, seed maphash.Seed) *Decoder {
	d := &Decoder{cfg: cfg, seed: seed, discard: map[string]bool{}}
	for _, name := range cfg.DiscardedEvents {
		d.discard[EventKey(name)] = true
	}
	return d
}

// Decode reads the records of a body in their order. The only error is JSON
// that cannot be read or has no list "d".
func (d *Decoder) Decode(body []byte) error {
	d.Records, d.Notices = d.Records[:0], d.Notices[:0]
	if !utf8.Valid(body) {
		return errJSON
	}
	s := &Scanner{B: body}
	found := false
	err := s.object(func(key []byte) error {
		if chars, _ := Chars(key); string(chars) != "d" {
			_, err := s.Value()
			return err
		}
		found = true
		return s.Array(func() error {
			r, err := d.record(s)
			d.Records = append(d.Records, r)
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

func (d *Decoder) record(s *Scanner) (Record, error) {
	s.space()
	start := s.i
	if start < len(s.B) && s.B[start] != '{' {
		raw, err := s.Value()
		return Record{Raw: raw, Code: codeType}, err
	}
	var m members
	err := s.object(func(key []byte) error { return d.member(s, key, &m) })
	if err != nil {
		return Record{}, err
	}
	r := Record{Raw: s.B[start:s.i]}
	m.profile.at -= start
	m.evt.at -= start
	d.check(&r, &m)
	return r, nil
}

func (d *Decoder) member(s *Scanner, key []byte, m *members) error {
	chars, _ := Chars(key)
	var err error
	switch string(chars) {
	case "type":
		m.typ, err = s.Value()
	case "identity":
		m.ids.identity, err = s.Value()
	case "objectId":
		m.ids.objectID, err = s.Value()
	case "FBID":
		m.ids.fbid, err = s.Value()
	case "GPID":
		m.ids.gpid, err = s.Value()
	case "ts":
		m.ts, err = s.Value()
	case "evtName":
		m.name, err = s.Value()
	case "profileData":
		err = d.section(s, 0, &m.profile)
	case "evtData":
		err = d.section(s, 1, &m.evt)
	default:
		// Unknown members are tolerated.
		_, err = s.Value()
	}
	return err
}

func (d *Decoder) section(s *Scanner, slot int, into *section) error {
	s.space()
	start := s.i
	into.at, into.props = start, nil
	if start < len(s.B) && s.B[start] != '{' {
		raw, err := s.Value()
		into.raw = raw
		return err
	}
	props := d.scratch[slot][:0]
	err := s.object(func(key []byte) error {
		chars, _ := Chars(key)
		value, err := s.Value()
		props = append(props, Property{chars, value})
		return err
	})
	d.scratch[slot] = props
	into.raw, into.props = s.B[start:s.i], props
	if props == nil {
		into.props = []Property{}
	}
	return err
}

// check applies the record rules in CleverTap's order and keeps the first code.
// That type and identity come before ts is our choice.
func (d *Decoder) check(r *Record, m *members) {
	typ, _ := Chars(m.typ)
	switch string(typ) {
	case "profile":
		r.Kind = KindProfile
	case "event":
		r.Kind = KindEvent
	}
	if r.Kind == kindOther || r.Kind == KindProfile && m.profile.props == nil {
		r.Code = codeType
		return
	}
	if r.Code = identify(r, &m.ids); r.Code != 0 {
		return
	}
	if m.ts != nil {
		if !validTimestamp(m.ts) {
			r.Code = codeTimestamp
			return
		}
		for _, c := range m.ts {
			r.TS = r.TS*10 + int64(c-'0')
		}
	}
	if r.Kind == KindProfile {
		d.checkProfile(r, &m.profile)
		return
	}
	d.checkEvent(r, m)
}

// identify settles which profile a record is about.
func identify(r *Record, ids *identifier) int {
	if ids.objectID != nil {
		chars, ok := Chars(ids.objectID)
		if !ok || len(chars) == 0 || utf8.RuneCount(chars) > maxIdentityChars || bytes.ContainsAny(chars, " \t\r\n") {
			return codeObjectID
		}
		r.ObjectID = chars
	}
	for _, c := range []struct {
		scheme string
		raw    []byte
	}{{"identity", ids.identity}, {"FBID", ids.fbid}, {"GPID", ids.gpid}} {
		if chars := identityText(c.raw); len(chars) > 0 && utf8.RuneCount(chars) <= maxIdentityChars {
			r.Scheme, r.ID = c.scheme, chars
			return 0
		}
	}
	if r.ObjectID == nil {
		return codeIdentity
	}
	r.Scheme, r.ID, r.ObjectID = "objectId", r.ObjectID, nil
	return 0
}

// identityText takes a string, or a number as it is written.
func identityText(raw []byte) []byte {
	if len(raw) == 0 {
		return nil
	}
	if chars, ok := Chars(raw); ok {
		return chars
	}
	if raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9' {
		return raw
	}
	return nil
}

// Notice is an entry of the error stream: something that was accepted and then
// left out or flagged.
type Notice struct {
	Reason string `json:"reason"`
	Name   string `json:"name"`
}
