package signin

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log/slog"
	"reflect"
	"sync"
	"time"

	"tapline.dev/schemas"
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
	rules SessionRules
	deps  SessionDeps
}

// SessionRules bound sessions.
type SessionRules struct {
	// Idle ends a session after so long without use, Life ends it in any case.
	Idle, Life time.Duration
	// PerPerson is how many sessions a person has at most; the oldest end.
	PerPerson int
	// Refresh is how often the provider is asked again for the person's role; 0 is never.
	Refresh time.Duration
}

// SessionDeps are what sessions call.
type SessionDeps struct {
	// Refresh asks the provider who a person is now, by the refresh token of the sign-in.
	Refresh func(ctx context.Context, token string, now time.Time) (caller access.Caller, next string, err error)
	// Audit writes to the audit topic that somebody's session has ended.
	Audit func(ctx context.Context, action, name string, role access.Role) error
	Log   *slog.Logger
}

type sessionStore interface {
	values
	conditional
	ordered
}

// conditional writes only what nobody else has written meanwhile.
type conditional interface {
	SetIfAbsent(ctx context.Context, key string, value []byte, ttl time.Duration) (bool, error)
	Replace(ctx context.Context, key string, old, value []byte, ttl time.Duration) (bool, error)
}

// ordered are sets by score: a person's sessions by their beginning.
type ordered interface {
	ZAdd(ctx context.Context, key, member string, score float64) error
	ZRem(ctx context.Context, key string, members ...string) error
	ZRange(ctx context.Context, key string, offset, limit int, descending bool) ([]string, error)
	ZBelow(ctx context.Context, key string, score float64, limit int) ([]string, error)
}

// NewSessions returns the sessions that Redis holds.
func NewSessions(redis sessionStore, rules SessionRules, deps SessionDeps) *Sessions {
	return &Sessions{redis: redis, rules: rules, deps: deps}
}

type session struct {
	Name string `json:"name"`
	Role string `json:"role"`
	// Selector restricts the session to some imports, as the person's group is.
	Selector *schemas.Selector `json:"selector,omitempty"`
	From     string            `json:"from,omitempty"`
	Began    time.Time         `json:"began"`
	Renewed  time.Time         `json:"renewed"`
	// Asked is when the provider has said the role.
	Asked time.Time `json:"asked,omitzero"`
	// Token is the refresh token, sealed with the session's id.
	Token []byte `json:"token,omitempty"`
}

// begin makes a session and returns what its cookie holds. A person who has too many
// sessions then loses the oldest.
func (s *Sessions) begin(ctx context.Context, caller access.Caller, refresh string, now time.Time) (string, error) {
	id := rand.Text() + rand.Text()
	held := session{
		Name: caller.Name, Role: caller.Role.String(), Selector: caller.Selector,
		From: access.OriginOf(ctx).Addr, Began: now, Renewed: now, Asked: now,
	}
	if refresh != "" && s.rules.Refresh > 0 {
		sealed, err := seal(id, refresh)
		if err != nil {
			return "", err
		}
		held.Token = sealed
	}
	raw, err := json.Marshal(held)
	if err != nil {
		return "", err
	}
	// The listing first: a session that is not listed could not be ended by anybody else.
	if err := s.redis.ZAdd(ctx, sessionIndex, hashed(id), score(now.Add(s.rules.Life))); err != nil {
		return "", err
	}
	if err := s.redis.Set(ctx, sessionKey(id), raw, s.remaining(held, now)); err != nil {
		return "", err
	}
	return id, s.bound(ctx, held.Name, hashed(id), now)
}

// remaining is how long Redis keeps a session that nobody uses.
func (s *Sessions) remaining(held session, now time.Time) time.Duration {
	return min(s.rules.Idle, held.Began.Add(s.rules.Life).Sub(now))
}

// read returns a session that has not ended, and its value in Redis.
func (s *Sessions) read(ctx context.Context, id string, now time.Time) (held session, raw []byte, err error) {
	raw, ok, err := s.redis.Get(ctx, sessionKey(id))
	if err != nil {
		return held, nil, unknownSession()
	}
	if !ok || json.Unmarshal(raw, &held) != nil {
		return held, nil, errExpired
	}
	_, err = access.ParseRole(held.Role)
	if err != nil || !now.Before(held.Began.Add(s.rules.Life)) || !now.Before(held.Renewed.Add(s.rules.Idle)) {
		return held, nil, errExpired
	}
	return held, raw, nil
}

// unknownSession says that the session may well be valid: whoever shows it is not signed out.
func unknownSession() error {
	return &access.UnavailableError{Detail: "Redis does not answer, so sessions of browsers are not known; try again, or use a key"}
}

// maxChanges bounds how often a change begins anew because somebody else has changed the
// session meanwhile.
const maxChanges = 10

// change edits a session. One that has ended meanwhile is not written again, which would
// bring it back.
func (s *Sessions) change(ctx context.Context, id string, now time.Time, edit func(*session)) (session, error) {
	for range maxChanges {
		held, before, err := s.read(ctx, id, now)
		if err != nil {
			return held, err
		}
		edit(&held)
		after, err := json.Marshal(held)
		if err != nil {
			return held, err
		}
		done, err := s.redis.Replace(ctx, sessionKey(id), before, after, s.remaining(held, now))
		if err != nil || done {
			return held, err
		}
	}
	return session{}, errors.New("changing a session: others change it all the time")
}

// Caller returns the caller of a session, and renews the session.
func (s *Sessions) Caller(ctx context.Context, id string, now time.Time) (access.Caller, error) {
	held, err := s.current(ctx, id, now)
	if err != nil {
		return access.Caller{}, err
	}
	if now.Sub(held.Renewed) > min(renewAfter, s.rules.Idle/4) {
		_, err := s.change(ctx, id, now, func(h *session) { h.Renewed = now })
		if errors.Is(err, errExpired) {
			return access.Caller{}, err
		}
		if err != nil {
			s.deps.Log.WarnContext(ctx, "a session could not be renewed", slog.Any("error", err))
		}
	}
	role, err := access.ParseRole(held.Role)
	if err != nil {
		return access.Caller{}, errExpired
	}
	return access.Caller{
		Name: held.Name, Role: role, Selector: held.Selector, By: access.BySession, Session: hashed(id)[:sessionIDLength],
		Expires: held.Began.Add(s.rules.Life), Holds: s.stillThere(ctx, id, held, now),
	}, nil
}

// stillThere tells a long answer that its session has been ended, or may do something else. It
// asks Redis twice a second at most, and believes in the session while Redis does not
// answer: the session's life bounds that.
func (s *Sessions) stillThere(ctx context.Context, id string, before session, asked time.Time) func(time.Time) error {
	var mu sync.Mutex
	var ended error
	return func(now time.Time) error {
		mu.Lock()
		defer mu.Unlock()
		if ended != nil || now.Sub(asked) < time.Second/2 {
			return ended
		}
		asked = now
		held, err := s.current(ctx, id, now)
		switch {
		case errors.Is(err, errExpired):
			ended = errExpired
		case err == nil && (held.Role != before.Role || !reflect.DeepEqual(held.Selector, before.Selector)):
			ended = errNarrowed
		}
		return ended
	}
}

// end ends a session everywhere.
func (s *Sessions) end(ctx context.Context, id string) error { return s.endHashed(ctx, hashed(id)) }

func (s *Sessions) endHashed(ctx context.Context, hash string) error {
	if err := s.redis.Del(ctx, sessionPrefix+hash); err != nil {
		return err
	}
	return s.redis.ZRem(ctx, sessionIndex, hash)
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
