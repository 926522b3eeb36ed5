package records

import (
	"encoding/json"
	"strconv"
	"strings"

	"tapline.dev/sandbox/internal/clevertap/rules"
)

// find looks a profile up by identity, else by CleverTap ID.
func (s *Store) find(id string) *profile {
	if p := s.byName[id]; p != nil {
		return p
	}
	return s.findObject(id)
}

func (s *Store) findObject(id string) *profile {
	if p := s.byName[otherKey("objectId", id)]; p != nil {
		return p
	}
	number, err := strconv.Atoi(strings.TrimPrefix(id, generatedID))
	if err != nil || number < 0 || number >= len(s.order) || s.order[number].clevertapID() != id {
		return nil
	}
	return s.order[number]
}

// findEmail walks all profiles; the look-up is for samples, not for bulk.
func (s *Store) findEmail(email string) *profile {
	for _, p := range s.order {
		if member(p.held(), "Email") == email {
			return p
		}
	}
	return nil
}

// member returns a string property, or "".
func member(data, name string) string {
	for _, p := range rules.Properties(nil, []byte(data)) {
		if string(p.Key) == name {
			chars, _ := rules.Chars(p.Value)
			return string(chars)
		}
	}
	return ""
}

type eventSummary struct {
	Count     int   `json:"count"`
	FirstSeen int64 `json:"first_seen"`
	LastSeen  int64 `json:"last_seen"`
}

// LookUp is the answer about one profile, found by its identity, objectId or email.
func (s *Store) LookUp(key, value string) (answer []byte, found bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var p *profile
	switch key {
	case "identity":
		p = s.byName[value]
	case "objectId":
		p = s.findObject(value)
	case "email":
		p = s.findEmail(value)
	}
	if p == nil {
		return nil, false, nil
	}
	answer, err = json.Marshal(map[string]any{"status": "success", "record": s.describe(p)})
	return answer, true, err
}

func (s *Store) describe(p *profile) map[string]any {
	events := map[string]*eventSummary{}
	for _, e := range s.applied {
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
	return record
}

func memberOf(p *profile, name string) string { return member(p.held(), name) }
