package engine

import "time"

// now returns the current time for statements of the session.
func (e *Engine) now(ses *Session) time.Time {
	if e.cfg.Clock == nil {
		return time.Now()
	}
	return e.cfg.Clock(ses.Param("QUERY_TAG"))
}
