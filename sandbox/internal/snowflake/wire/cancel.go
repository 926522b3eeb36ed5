package wire

import (
	"fmt"
	"strconv"

	"tapline.dev/sandbox/internal/snowflake/sferr"
)

// Cancel ends a statement by its query id.
func (s *Server) Cancel(id string) (string, error) {
	q := s.find(id)
	if q == nil {
		return "", sferr.New("000709", "02000", "Statement "+id+" not found")
	}
	if !q.end().IsZero() {
		return "Identified SQL statement is not currently executing.", nil
	}
	q.cancel()
	return "query [" + id + "] terminated.", nil
}

// CancelSession cancels what a session runs or has queued.
func (s *Server) CancelSession(id string) (string, error) {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return "", sferr.Unsupported("SYSTEM$CANCEL_ALL_QUERIES of such a session")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	cancelled := 0
	for _, q := range s.order {
		if q.login.id == n && q.end().IsZero() {
			q.cancel()
			cancelled++
		}
	}
	return fmt.Sprintf("%d cancelled.", cancelled), nil
}
