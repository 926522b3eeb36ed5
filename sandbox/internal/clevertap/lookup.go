package clevertap

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// find looks a profile up by identity, else by CleverTap ID. The caller holds
// the lock.
func (s *store) find(id string) *profile {
	if p := s.profiles[id]; p != nil {
		return p
	}
	return s.findObject(id)
}

func (s *store) findObject(id string) *profile {
	if p := s.profiles[otherKey("objectId", id)]; p != nil {
		return p
	}
	number, err := strconv.Atoi(strings.TrimPrefix(id, generatedID))
	if err != nil || number < 0 || number >= len(s.order) || s.order[number].clevertapID() != id {
		return nil
	}
	return s.order[number]
}

// findEmail walks all profiles; the look-up is for samples, not for bulk.
func (s *store) findEmail(email string) *profile {
	for _, p := range s.order {
		if member(p.held(), "Email") == email {
			return p
		}
	}
	return nil
}

// member returns a string property, or "".
func member(data, name string) string {
	for _, p := range properties(nil, []byte(data)) {
		if string(p.key) == name {
			chars, _ := text(p.value)
			return string(chars)
		}
	}
	return ""
}

// lookup is GET /1/profile.json. The shape of "not found" is on no public
// record; 404 with CleverTap's usual failure is ours.
func (s *Server) lookup(w http.ResponseWriter, r *http.Request) {
	inFlight := s.lookups.enter()
	a := s.serveLookup(r, inFlight)
	s.lookups.leave()
	s.write(w, a)
}

func (s *Server) serveLookup(r *http.Request, inFlight int) answer {
	if a, ok := s.authorize(r); !ok {
		return a
	}
	if inFlight > s.cfg.ProfileSlots {
		return failure(http.StatusTooManyRequests, "Too many concurrent requests")
	}
	query := r.URL.Query()
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	var p *profile
	switch {
	case query.Get("identity") != "":
		p = s.store.profiles[query.Get("identity")]
	case query.Get("objectId") != "":
		p = s.store.findObject(query.Get("objectId"))
	case query.Get("email") != "":
		p = s.store.findEmail(query.Get("email"))
	default:
		return failure(http.StatusBadRequest, "Malformed request")
	}
	if p == nil {
		return failure(http.StatusNotFound, "Profile not found")
	}
	return s.store.found(p)
}

type eventSummary struct {
	Count     int   `json:"count"`
	FirstSeen int64 `json:"first_seen"`
	LastSeen  int64 `json:"last_seen"`
}

func (s *store) found(p *profile) answer {
	events := map[string]*eventSummary{}
	for _, e := range s.events {
		if e.profile != p {
			continue
		}
		sum := events[e.name.name]
		if sum == nil {
			sum = &eventSummary{FirstSeen: e.ts, LastSeen: e.ts}
			events[e.name.name] = sum
		}
		sum.Count++
		sum.FirstSeen, sum.LastSeen = min(sum.FirstSeen, e.ts), max(sum.LastSeen, e.ts)
	}
	record := map[string]any{
		"profileData":  json.RawMessage(p.held()),
		"events":       events,
		"platformInfo": []map[string]string{{"platform": "Web", "objectId": p.clevertapID()}},
	}
	if p.scheme != "objectId" {
		record["identity"] = p.id
	}
	for member, name := range map[string]string{"email": "Email", "name": "Name", "phone": "Phone"} {
		if value := memberOf(p, name); value != "" {
			record[member] = value
		}
	}
	body, err := json.Marshal(map[string]any{"status": "success", "record": record})
	if err != nil {
		return failure(http.StatusInternalServerError, "Internal Server Error")
	}
	return answer{status: http.StatusOK, body: body}
}

func memberOf(p *profile, name string) string { return member(p.held(), name) }

// plainEncoder leaves <, > and & as they were sent.
func plainEncoder(w io.Writer) *json.Encoder {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e
}
