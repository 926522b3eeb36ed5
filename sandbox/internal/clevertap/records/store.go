package records

import (
	"bytes"
	"hash/maphash"
	"strconv"
	"sync"
	"time"

	"tapline.dev/sandbox/internal/clevertap/account"
	"tapline.dev/sandbox/internal/clevertap/rules"
)

// profile holds its properties as one JSON text, to save memory. For a profile that was
// written once the text is a part of the record that wrote it.
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

// clevertapID is the profile's CleverTap ID: the one supplied, or one made from its number.
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

// counters are guarded by the store's mutex.
type counters struct {
	records    int
	duplicates int
	notices    int
	rejected   map[int]int
}

// Store holds what has been applied. Without cfg.Store it keeps hashes and
// counters only, so that a benchmark's memory does not grow with its rows.
type Store struct {
	cfg  account.Config
	seed maphash.Seed

	mu      sync.Mutex
	count   counters
	byName  map[string]*profile
	order   []*profile
	applied []event
	names   map[string]*eventName
	seen    map[uint64]struct{} // events
	last    map[uint64]uint64   // without cfg.Store: profile to its last record
	nEvents int
	stream  []rules.Notice
	journal *journal
}

// NewStore makes an empty store.
func NewStore(cfg account.Config, seed maphash.Seed) *Store {
	s := &Store{cfg: cfg, seed: seed}
	s.Reset()
	return s
}

// Reset forgets everything, in the journal too.
func (s *Store) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count = counters{rejected: map[int]int{}}
	s.byName, s.order = map[string]*profile{}, nil
	s.applied, s.names, s.nEvents = nil, map[string]*eventName{}, 0
	s.seen, s.last = map[uint64]struct{}{}, map[uint64]uint64{}
	s.stream = nil
	s.journal.clear()
}

// Apply takes the accepted records of an upload, all at once and in order.
func (s *Store) Apply(records []rules.Record, notices []rules.Notice, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.journal.write(records, now)
	for i := range records {
		r := &records[i]
		switch {
		case r.Code != 0:
			s.count.rejected[r.Code]++
			continue
		case !s.cfg.Store:
			s.countOnly(r)
		case r.Kind == rules.KindProfile:
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

// countOnly is Apply without cfg.Store: it keeps hashes, to tell duplicates.
func (s *Store) countOnly(r *rules.Record) {
	id := maphash.Bytes(s.seed, r.ID) ^ maphash.String(s.seed, r.Scheme)
	if r.Kind == rules.KindEvent {
		s.nEvents++
		s.eventSeen(r.Hash)
		if _, known := s.last[id]; !known {
			s.last[id] = 0
		}
		return
	}
	hash := maphash.Bytes(s.seed, r.Raw)
	if s.last[id] == hash {
		s.count.duplicates++
	}
	s.last[id] = hash
}

func (s *Store) eventSeen(hash uint64) {
	if _, twice := s.seen[hash]; twice {
		s.count.duplicates++
		return
	}
	s.seen[hash] = struct{}{}
}

func (s *Store) applyProfile(r *rules.Record, now time.Time) {
	p := s.profileOf(r)
	hash := maphash.Bytes(s.seed, r.Raw)
	again := p.records > 0 && p.lastHash == hash
	if again {
		s.count.duplicates++
	}
	p.lastHash = hash
	p.records++
	raw := string(r.Raw)
	s.remember(p, raw, now)
	if again && !r.Operates {
		return
	}
	if p.data == "" && !r.Operates && bytes.IndexByte(r.Data, '[') < 0 && r.Keys <= rules.MaxCustomKeys {
		// The usual case, a new profile with plain values, shares the text
		// that the history keeps.
		p.data = string(r.Data)
		if s.cfg.History > 0 && r.DataAt >= 0 {
			p.data = raw[r.DataAt : r.DataAt+len(r.Data)]
		}
		return
	}
	merged, over := merge([]byte(p.held()), r.Data)
	p.data = string(merged)
	for _, key := range over {
		s.notice(rules.Notice{Reason: "too many keys", Name: string(key)})
	}
}

// held is the properties as an object.
func (p *profile) held() string {
	if p.data == "" {
		return "{}"
	}
	return p.data
}

func (s *Store) applyEvent(r *rules.Record, now time.Time) {
	p := s.profileOf(r)
	key := rules.EventKey(string(r.Name))
	name, known := s.names[key]
	if !known {
		if len(s.names) >= rules.MaxEventTypes {
			s.notice(rules.Notice{Reason: "too many event types", Name: string(r.Name)})
			return
		}
		name = &eventName{name: string(r.Name), key: key}
		s.names[key] = name
	}
	if r.TS == 0 {
		r.TS = now.Unix()
	}
	s.eventSeen(r.Hash)
	p.events++
	s.remember(p, string(r.Raw), now)
	s.nEvents++
	s.applied = append(s.applied, event{profile: p, name: name, ts: r.TS, data: string(r.Data)})
}

// remember keeps the newest versions, at most twice as many as asked for
// between two clearings.
func (s *Store) remember(p *profile, raw string, now time.Time) {
	if s.cfg.History == 0 {
		return
	}
	if len(p.history) >= 2*s.cfg.History {
		p.history = append(p.history[:0], p.history[len(p.history)-s.cfg.History:]...)
	}
	p.history = append(p.history, Version{Seq: int64(p.records + p.events), Time: now, Record: raw})
}

// profile finds or creates the profile of a record and links its other names.
func (s *Store) profileOf(r *rules.Record) *profile {
	var p *profile
	if r.Scheme == "identity" {
		p = s.byName[string(r.ID)]
	} else {
		p = s.byName[otherKey(r.Scheme, string(r.ID))]
	}
	if p == nil && r.ObjectID != nil {
		p = s.byName[otherKey("objectId", string(r.ObjectID))]
	}
	if p == nil {
		p = &profile{scheme: r.Scheme, id: string(r.ID), number: len(s.order)}
		s.order = append(s.order, p)
		s.link(r.Scheme, p.id, p)
	}
	if r.ObjectID != nil && p.objectID == "" {
		p.objectID = string(r.ObjectID)
		s.link("objectId", p.objectID, p)
	}
	if len(r.Alias) > 0 {
		s.link("identity", string(r.Alias), p)
	}
	return p
}

// link names a profile unless the name is taken: profiles are never merged.
func (s *Store) link(scheme, id string, p *profile) {
	key := id
	if scheme != "identity" {
		key = otherKey(scheme, id)
	}
	if s.byName[key] == nil {
		s.byName[key] = p
	}
}

// otherKey keeps the other schemes apart from identities in one map.
func otherKey(scheme, id string) string { return scheme + "\x00" + id }

const streamSize = 1000

func (s *Store) notice(n rules.Notice) {
	s.count.notices++
	if len(s.stream) >= streamSize {
		s.stream = append(s.stream[:0], s.stream[streamSize/2:]...)
	}
	s.stream = append(s.stream, n)
}
