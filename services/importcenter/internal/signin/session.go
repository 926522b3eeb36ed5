package signin

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"time"

	"tapline.dev/services/importcenter/internal/access"
)

// SessionCookie is the name of the cookie that a browser's session stands in. Its
// prefix makes browsers keep it only from this host, by TLS and for every path.
const SessionCookie = "__Host-tapline-session"

// renewAfter is the shortest time between two renewals of a session.
const renewAfter = time.Minute

// Sessions holds the sessions of browsers, in Redis: a session that is ended is
// over for all replicas at once, and once Redis is emptied everybody has to sign in
// again. The keys in Redis are hashes of the session ids, so that whoever reads
// Redis can take over no session.
type Sessions struct {
	redis values
	log   *slog.Logger
	// idle ends a session after so long without use, life ends it in any case.
	idle, life time.Duration
}

// NewSessions returns sessions that end after idle without use, and after life.
func NewSessions(redis values, idle, life time.Duration, log *slog.Logger) *Sessions {
	return &Sessions{redis: redis, idle: idle, life: life, log: log}
}

type session struct {
	Name    string    `json:"name"`
	Role    string    `json:"role"`
	Began   time.Time `json:"began"`
	Renewed time.Time `json:"renewed"`
}

// begin makes a session and returns what its cookie holds.
func (s *Sessions) begin(ctx context.Context, caller access.Caller, now time.Time) (string, error) {
	id := rand.Text() + rand.Text()
	return id, s.put(ctx, id, session{Name: caller.Name, Role: caller.Role.String(), Began: now, Renewed: now}, now)
}

func (s *Sessions) put(ctx context.Context, id string, held session, now time.Time) error {
	raw, err := json.Marshal(held)
	if err != nil {
		return err
	}
	return s.redis.Set(ctx, sessionKey(id), raw, min(s.idle, held.Began.Add(s.life).Sub(now)))
}

// Caller returns the caller of a session, and renews the session.
func (s *Sessions) Caller(ctx context.Context, id string, now time.Time) (access.Caller, error) {
	raw, ok, err := s.redis.Get(ctx, sessionKey(id))
	if err != nil {
		return access.Caller{}, &access.UnavailableError{Detail: "Redis does not answer, so sessions of browsers are not known; try again, or use a key"}
	}
	var held session
	if !ok || json.Unmarshal(raw, &held) != nil {
		return access.Caller{}, errExpired
	}
	role, err := access.ParseRole(held.Role)
	if err != nil || !now.Before(held.Began.Add(s.life)) || !now.Before(held.Renewed.Add(s.idle)) {
		return access.Caller{}, errExpired
	}
	if now.Sub(held.Renewed) > min(renewAfter, s.idle/4) {
		held.Renewed = now
		if err := s.put(ctx, id, held, now); err != nil {
			s.log.WarnContext(ctx, "a session could not be renewed", slog.Any("error", err))
		}
	}
	return access.Caller{Name: held.Name, Role: role, By: access.BySession, Expires: held.Began.Add(s.life)}, nil
}

// end ends a session everywhere.
func (s *Sessions) end(ctx context.Context, id string) error { return s.redis.Del(ctx, sessionKey(id)) }

func sessionKey(id string) string { return "access:session:" + hashed(id) }

func hashed(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
