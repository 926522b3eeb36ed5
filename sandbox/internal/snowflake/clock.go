package snowflake

import "time"

// now is the time that statements of the session see.
func (s *Server) now(ses *session) time.Time {
	if s.cfg.Clock == nil {
		return time.Now()
	}
	return s.cfg.Clock(ses.param("QUERY_TAG"))
}
