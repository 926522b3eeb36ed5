package engine

import "time"

// now returns the time that statements of the session see.
func (e *Engine) now(ses *Session) time.Time {
	if e.cfg.Clock == nil {
		return time.Now()
	}
	return e.cfg.Clock(ses.Param("QUERY_TAG"))
}
