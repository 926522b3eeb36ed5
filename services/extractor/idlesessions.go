package extractor

import (
	"context"
	"errors"
	"sync"
	"time"

	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/failure"
	"tapline.dev/services/extractor/internal/snowflake"
)

// sessionIdle is how long a session waits for the next query to describe.
const sessionIdle = 5 * time.Second

// idleSessions are sessions that have described a query and wait to describe another one:
// to sign in takes several requests and at Snowflake up to a second, to describe a query
// takes one. An apply of a thousand imports signs in as often as attempts run at once. No
// other statement is run in such a session. Safe for concurrent use.
type idleSessions struct {
	mu     sync.Mutex
	byConn map[schemas.SnowflakeConnectionSpec][]*idleSession
}

// idleSession is one of them. It ends when nobody takes it in time.
type idleSession struct {
	source
	timer *time.Timer
}

// take returns a session of the connection, secrets included, or nil.
func (s *idleSessions) take(conn schemas.SnowflakeConnectionSpec) source {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.byConn[conn]) > 0 {
		last := len(s.byConn[conn]) - 1
		idle := s.byConn[conn][last]
		s.byConn[conn] = s.byConn[conn][:last]
		if last == 0 {
			delete(s.byConn, conn)
		}
		if idle.timer.Stop() {
			return idle.source
		} // else it ends just now
	}
	return nil
}

// give lets a session wait for its next use.
func (s *idleSessions) give(conn schemas.SnowflakeConnectionSpec, src source) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byConn == nil {
		s.byConn = map[schemas.SnowflakeConnectionSpec][]*idleSession{}
	}
	idle := &idleSession{source: src}
	idle.timer = time.AfterFunc(sessionIdle, func() {
		s.forget(conn, idle)
		src.Close()
	})
	s.byConn[conn] = append(s.byConn[conn], idle)
}

func (s *idleSessions) forget(conn schemas.SnowflakeConnectionSpec, over *idleSession) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, idle := range s.byConn[conn] {
		if idle == over {
			s.byConn[conn] = append(s.byConn[conn][:i], s.byConn[conn][i+1:]...)
			break
		}
	}
	if len(s.byConn[conn]) == 0 {
		delete(s.byConn, conn)
	}
}

// describing calls fn as with does, for descriptions only: in a session that has described
// another query, if one waits. If that session fails, fn is called again in a new one.
func (s *sessions) describing(ctx context.Context, conn schemas.SnowflakeConnectionSpec, fn func(src source) error) error {
	tag := s.tag(ctx)
	for {
		src := s.idle.take(conn)
		old := src != nil
		if !old {
			var err error
			if src, err = s.signIn(ctx, conn, tag); err != nil {
				return err
			}
		}
		src.Tag(tag)
		err := fn(src)
		if err == nil {
			s.idle.give(conn, src)
			return nil
		}
		s.end(ctx, src)
		if !old || ctx.Err() != nil || saysSnowflake(err) {
			return err
		}
	}
}

// saysSnowflake reports whether an error is an answer about the query, and not one that a
// new session may not get.
func saysSnowflake(err error) bool {
	var failed *failure.Error
	var refused *snowflake.Error
	return errors.As(err, &failed) || errors.As(err, &refused) && refused.Permanent
}
