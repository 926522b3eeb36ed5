package clevertap

import (
	"bytes"
	"hash/maphash"
	"strconv"
	"sync"
	"time"
)

// profile is compact on purpose: its properties are one JSON text, which for a
// profile that was written once is a part of the record that wrote it.
type profile struct {
	scheme   string
	id       string
	objectID string // as supplied; otherwise made from number
	number   int
	data     string
	lastHash uint64
	records  int
	events   int
	history  []Version
}

// clevertapID is the id that CleverTap would have made up.
func (p *profile) clevertapID() string {
	switch {
	case p.scheme == "objectId":
		return p.id
	case p.objectID != "":
		return p.objectID
	}
	return generatedID + strconv.Itoa(p.number)
}

const generatedID = "sandbox-"

type eventName struct {
	name string
	key  string
}

type event struct {
	profile *profile
	name    *eventName
	ts      int64
	data    string
}

// Version is a record as it was applied to a profile.
type Version struct {
	Seq    int64
	Time   time.Time
	Record string
}

// Notice is an entry of the error stream: something that was accepted and then
// left out or flagged.
type Notice struct {
	Reason string `json:"reason"`
	Name   string `json:"name"`
}

// counters are guarded by the store's mutex.
type counters struct {
	records    int
	duplicates int
	notices    int
	rejected   map[int]int
}

// store holds what has been applied. Without cfg.Store it keeps hashes and
// counters only, so that a benchmark's memory does not grow with its rows.
type store struct {
	cfg  Config
	seed maphash.Seed

	mu       sync.Mutex
	count    counters
	profiles map[string]*profile
	order    []*profile
	events   []event
	names    map[string]*eventName
	seen     map[uint64]struct{} // events
	last     map[uint64]uint64   // without cfg.Store: profile to its last record
	nEvents  int
	stream   []Notice
	journal  *journal
}

func newStore(cfg Config, seed maphash.Seed) *store {
	s := &store{cfg: cfg, seed: seed}
	s.reset()
	return s
}

func (s *store) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count = counters{rejected: map[int]int{}}
	s.profiles, s.order = map[string]*profile{}, nil
	s.events, s.names, s.nEvents = nil, map[string]*eventName{}, 0
	s.seen, s.last = map[uint64]struct{}{}, map[uint64]uint64{}
	s.stream = nil
	s.journal.clear()
}

// apply takes the accepted records of an upload, all at once and in order.
func (s *store) apply(records []record, notices []Notice, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.journal.write(records, now)
	for i := range records {
		r := &records[i]
		switch {
		case r.code != 0:
			s.count.rejected[r.code]++
			continue
		case !s.cfg.Store:
			s.applyLean(r)
		case r.kind == kindProfile:
			s.applyProfile(r, now)
		default:
			s.applyEvent(r, now)
		}
		s.count.records++
	}
	for _, n := range notices {
		s.notice(n)
	}
}

func (s *store) applyLean(r *record) {
	id := maphash.Bytes(s.seed, r.id) ^ maphash.String(s.seed, r.scheme)
	if r.kind == kindEvent {
		s.nEvents++
		s.eventSeen(r.hash)
		if _, known := s.last[id]; !known {
			s.last[id] = 0
		}
		return
	}
	hash := maphash.Bytes(s.seed, r.raw)
	if s.last[id] == hash {
		s.count.duplicates++
	}
	s.last[id] = hash
}

func (s *store) eventSeen(hash uint64) {
	if _, twice := s.seen[hash]; twice {
		s.count.duplicates++
		return
	}
	s.seen[hash] = struct{}{}
}

func (s *store) applyProfile(r *record, now time.Time) {
	p := s.profile(r)
	hash := maphash.Bytes(s.seed, r.raw)
	again := p.records > 0 && p.lastHash == hash
	if again {
		s.count.duplicates++
	}
	p.lastHash = hash
	p.records++
	raw := string(r.raw)
	s.remember(p, raw, now)
	if again && !r.operates {
		return
	}
	if p.data == "" && !r.operates && bytes.IndexByte(r.data, '[') < 0 && r.keys <= maxCustomKeys {
		// The usual case, a new profile with plain values, shares the text
		// that the history keeps.
		p.data = string(r.data)
		if s.cfg.History > 0 && r.dataAt >= 0 {
			p.data = raw[r.dataAt : r.dataAt+len(r.data)]
		}
		return
	}
	merged, over := merge([]byte(p.held()), r.data)
	p.data = string(merged)
	for _, key := range over {
		s.notice(Notice{Reason: "too many keys", Name: string(key)})
	}
}

// held is the properties as an object.
func (p *profile) held() string {
	if p.data == "" {
		return "{}"
	}
	return p.data
}

func (s *store) applyEvent(r *record, now time.Time) {
	p := s.profile(r)
	key := eventKey(string(r.name))
	name, known := s.names[key]
	if !known {
		if len(s.names) >= maxEventTypes {
			s.notice(Notice{Reason: "too many event types", Name: string(r.name)})
			return
		}
		name = &eventName{name: string(r.name), key: key}
		s.names[key] = name
	}
	if r.ts == 0 {
		r.ts = now.Unix()
	}
	s.eventSeen(r.hash)
	p.events++
	s.remember(p, string(r.raw), now)
	s.nEvents++
	s.events = append(s.events, event{profile: p, name: name, ts: r.ts, data: string(r.data)})
}

// remember keeps the newest versions, at most twice as many as asked for
// between two clearings.
func (s *store) remember(p *profile, raw string, now time.Time) {
	if s.cfg.History == 0 {
		return
	}
	if len(p.history) >= 2*s.cfg.History {
		p.history = append(p.history[:0], p.history[len(p.history)-s.cfg.History:]...)
	}
	p.history = append(p.history, Version{Seq: int64(p.records + p.events), Time: now, Record: raw})
}

// profile finds or creates the profile of a record and links its other names.
func (s *store) profile(r *record) *profile {
	var p *profile
	if r.scheme == "identity" {
		p = s.profiles[string(r.id)]
	} else {
		p = s.profiles[otherKey(r.scheme, string(r.id))]
	}
	if p == nil && r.objectID != nil {
		p = s.profiles[otherKey("objectId", string(r.objectID))]
	}
	if p == nil {
		p = &profile{scheme: r.scheme, id: string(r.id), number: len(s.order)}
		s.order = append(s.order, p)
		s.link(r.scheme, p.id, p)
	}
	if r.objectID != nil && p.objectID == "" {
		p.objectID = string(r.objectID)
		s.link("objectId", p.objectID, p)
	}
	if len(r.alias) > 0 {
		s.link("identity", string(r.alias), p)
	}
	return p
}

// link names a profile unless the name is taken: profiles are never merged.
func (s *store) link(scheme, id string, p *profile) {
	key := id
	if scheme != "identity" {
		key = otherKey(scheme, id)
	}
	if s.profiles[key] == nil {
		s.profiles[key] = p
	}
}

// otherKey keeps the other schemes apart from identities in one map.
func otherKey(scheme, id string) string { return scheme + "\x00" + id }

const streamSize = 1000

func (s *store) notice(n Notice) {
	s.count.notices++
	if len(s.stream) >= streamSize {
		s.stream = append(s.stream[:0], s.stream[streamSize/2:]...)
	}
	s.stream = append(s.stream, n)
}
