package records

import (
	"encoding/json"
	"strconv"

	"tapline.dev/sandbox/internal/clevertap/rules"
)

// Profile is a profile as inspection shows it.
type Profile struct {
	Identity    string          `json:"identity,omitempty"`
	ObjectID    string          `json:"objectId"`
	ProfileData json.RawMessage `json:"profileData"`
	Events      int             `json:"events"`
	Records     int             `json:"records"`
}

func view(p *profile) Profile {
	v := Profile{ObjectID: p.clevertapID(), ProfileData: json.RawMessage(p.held()), Events: p.events, Records: p.records}
	if p.scheme != "objectId" {
		v.Identity = p.id
	}
	return v
}

// Profile is the profile of this identity.
func (s *Store) Profile(identity string) (Profile, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.find(identity)
	if p == nil {
		return Profile{}, false
	}
	return view(p), true
}

// Profiles are all profiles in the order in which they came.
func (s *Store) Profiles() []Profile {
	s.mu.Lock()
	defer s.mu.Unlock()
	views := make([]Profile, len(s.order))
	for i, p := range s.order {
		views[i] = view(p)
	}
	return views
}

// Event is an event as inspection shows it.
type Event struct {
	Identity string          `json:"identity,omitempty"`
	ObjectID string          `json:"objectId,omitempty"`
	EvtName  string          `json:"evtName"`
	TS       int64           `json:"ts"`
	EvtData  json.RawMessage `json:"evtData"`
}

// Events are the events, of one name or identity if given.
func (s *Store) Events(name, identity string) []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	views := []Event{}
	var only *profile
	if identity != "" {
		only = s.find(identity)
	}
	for _, e := range s.applied {
		if identity != "" && e.profile != only || name != "" && e.name.key != rules.EventKey(name) {
			continue
		}
		v := Event{EvtName: e.name.name, TS: e.ts, EvtData: json.RawMessage(e.data)}
		if e.profile.scheme == "objectId" {
			v.ObjectID = e.profile.id
		} else {
			v.Identity = e.profile.id
		}
		views = append(views, v)
	}
	return views
}

// VersionView is a record that wrote a profile, as inspection shows it.
type VersionView struct {
	Seq    int64           `json:"seq"`
	Time   string          `json:"time"`
	Record json.RawMessage `json:"record"`
}

// Versions are the records that a profile was written by, as many as are kept.
func (s *Store) Versions(identity string) []VersionView {
	s.mu.Lock()
	defer s.mu.Unlock()
	views := []VersionView{}
	if p := s.find(identity); p != nil {
		for _, v := range p.history[max(0, len(p.history)-s.cfg.History):] {
			views = append(views, VersionView{v.Seq, v.Time.UTC().Format("2006-01-02T15:04:05.000000Z"), json.RawMessage(v.Record)})
		}
	}
	return views
}

// Notices are the newest entries of the error stream.
func (s *Store) Notices() []rules.Notice {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]rules.Notice{}, s.stream...)
}

// Counts are what has been applied and refused since the start or the last reset.
type Counts struct {
	Profiles, Events, Records, Duplicates, Notices int

	Unprocessed map[string]int // by code
}

// Counts counts what has been applied and refused.
func (s *Store) Counts() Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := Counts{
		Profiles: len(s.order) + len(s.last), Events: s.nEvents, Records: s.count.records,
		Duplicates: s.count.duplicates, Notices: s.count.notices, Unprocessed: map[string]int{},
	}
	for code, n := range s.count.rejected {
		out.Unprocessed[strconv.Itoa(code)] = n
	}
	return out
}
