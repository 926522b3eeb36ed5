package signin

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"sync"
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
	redis sessionStore
	log   *slog.Logger
	// idle ends a session after so long without use, life ends it in any case.
	idle, life time.Duration
}

type sessionStore interface {
	values
	Scan(ctx context.Context, prefix string) iter.Seq2[string, error]
}

// NewSessions returns sessions that end after idle without use, and after life.
func NewSessions(redis sessionStore, idle, life time.Duration, log *slog.Logger) *Sessions {
	return &Sessions{redis: redis, idle: idle, life: life, log: log}
}

type session struct {
	Name    string    `json:"name"`
	Role    string    `json:"role"`
	From    string    `json:"from,omitempty"`
	Began   time.Time `json:"began"`
	Renewed time.Time `json:"renewed"`
}

// begin makes a session and returns what its cookie holds.
func (s *Sessions) begin(ctx context.Context, caller access.Caller, now time.Time) (string, error) {
	id := rand.Text() + rand.Text()
	return id, s.put(ctx, id, session{Name: caller.Name, Role: caller.Role.String(), From: access.OriginOf(ctx).Addr, Began: now, Renewed: now}, now)
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
	return access.Caller{
		Name: held.Name, Role: role, By: access.BySession, Session: hashed(id)[:sessionIDLength],
		Expires: held.Began.Add(s.life), Holds: s.stillThere(ctx, id, held.Role, now),
	}, nil
}

// stillThere tells a long answer that its session has been ended, or has another role. It
// asks Redis twice a second at most, and believes in the session while Redis does not
// answer: the session's life bounds that.
func (s *Sessions) stillThere(ctx context.Context, id, role string, asked time.Time) func(time.Time) error {
	var mu sync.Mutex
	var ended error
	return func(now time.Time) error {
		mu.Lock()
		defer mu.Unlock()
		if ended != nil || now.Sub(asked) < time.Second/2 {
			return ended
		}
		asked = now
		raw, found, err := s.redis.Get(ctx, sessionKey(id))
		var held session
		switch {
		case err != nil:
		case !found || json.Unmarshal(raw, &held) != nil:
			ended = errExpired
		case held.Role != role:
			ended = errNarrowed
		}
		return ended
	}
}

// end ends a session everywhere.
func (s *Sessions) end(ctx context.Context, id string) error { return s.redis.Del(ctx, sessionKey(id)) }

// List returns the sessions that have not ended, the oldest first.
func (s *Sessions) List(ctx context.Context) ([]access.Session, error) {
	var keys []string
	for key, err := range s.redis.Scan(ctx, sessionPrefix) {
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	slices.Sort(keys)
	keys = slices.Compact(keys)
	if len(keys) == 0 {
		return []access.Session{}, nil
	}
	values, err := s.redis.MGet(ctx, keys...)
	if err != nil {
		return nil, err
	}
	out := []access.Session{}
	for i, raw := range values {
		var held session
		if raw == nil || json.Unmarshal(raw, &held) != nil {
			continue // it has ended meanwhile, or is valid for nobody
		}
		role, err := access.ParseRole(held.Role)
		if err != nil {
			continue
		}
		out = append(out, access.Session{
			ID: strings.TrimPrefix(keys[i], sessionPrefix)[:sessionIDLength], Name: held.Name, Role: role, From: held.From,
			Began: held.Began, Renewed: held.Renewed, Ends: held.Began.Add(s.life),
		})
	}
	slices.SortStableFunc(out, func(a, b access.Session) int { return a.Began.Compare(b.Began) })
	return out, nil
}

// End ends a session by the id that List gives it.
func (s *Sessions) End(ctx context.Context, id string) error {
	for key, err := range s.redis.Scan(ctx, sessionPrefix+id) {
		if err != nil {
			return err
		}
		if err := s.redis.Del(ctx, key); err != nil {
			return err
		}
	}
	return nil
}

const (
	sessionPrefix = "access:session:"
	// sessionIDLength is how much of its key in Redis names a session.
	sessionIDLength = 32
)

func sessionKey(id string) string { return sessionPrefix + hashed(id) }

func hashed(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
