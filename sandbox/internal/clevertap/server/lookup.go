package server

import "net/http"

// lookup is GET /1/profile.json. The shape of "not found" is on no public
// record; 404 with CleverTap's usual failure is our choice.
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
	for _, key := range []string{"identity", "objectId", "email"} {
		value := query.Get(key)
		if value == "" {
			continue
		}
		record, found, err := s.store.LookUp(key, value)
		switch {
		case err != nil:
			return failure(http.StatusInternalServerError, "Internal Server Error")
		case !found:
			return failure(http.StatusNotFound, "Profile not found")
		}
		return answer{status: http.StatusOK, body: record}
	}
	return failure(http.StatusBadRequest, "Malformed request")
}
