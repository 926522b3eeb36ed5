package signin

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"time"

	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/access"
)

// sessionIndex lists the hashes of all sessions by when they end in any case, so that
// nobody has to look through the rest of Redis for them. It may hold sessions that have
// ended before.
const sessionIndex = "access:sessions"

// maxListed bounds how many sessions are read at once.
const maxListed = 100_000

func score(end time.Time) float64 { return float64(end.Unix()) }

// listed is a session with the hash of its id.
type listed struct {
	session
	hash string
	role access.Role
}

// all returns the sessions that have not ended, the oldest first.
func (s *Sessions) all(ctx context.Context) ([]listed, error) {
	hashes, err := s.redis.ZRange(ctx, sessionIndex, 0, maxListed, false)
	if err != nil || len(hashes) == 0 {
		return nil, err
	}
	keys := make([]string, len(hashes))
	for i, hash := range hashes {
		keys[i] = sessionPrefix + hash
	}
	values, err := s.redis.MGet(ctx, keys...)
	if err != nil {
		return nil, err
	}
	var out []listed
	for i, raw := range values {
		l := listed{hash: hashes[i]}
		if raw == nil || json.Unmarshal(raw, &l.session) != nil {
			continue // it has ended meanwhile, or is valid for nobody
		}
		if l.role, err = access.ParseRole(l.Role); err == nil {
			out = append(out, l)
		}
	}
	slices.SortStableFunc(out, func(a, b listed) int { return a.Began.Compare(b.Began) })
	return out, nil
}

// bound ends the oldest sessions of a person who has too many, but not the one that has
// just begun.
func (s *Sessions) bound(ctx context.Context, name, begun string, now time.Time) error {
	over, err := s.redis.ZBelow(ctx, sessionIndex, score(now), maxListed)
	if err != nil {
		return err
	}
	if len(over) > 0 {
		if err := s.redis.ZRem(ctx, sessionIndex, over...); err != nil {
			return err
		}
	}
	open, err := s.all(ctx)
	if err != nil {
		return err
	}
	own := slices.DeleteFunc(open, func(l listed) bool { return l.Name != name || l.hash == begun })
	for _, oldest := range own[:max(0, len(own)+1-s.rules.PerPerson)] {
		if err := s.deps.Audit(ctx, schemas.AuditSignOut, oldest.Name, oldest.role); err != nil {
			return err
		}
		if err := s.endHashed(ctx, oldest.hash); err != nil {
			return err
		}
		s.deps.Log.InfoContext(ctx, "a session ended because its person has begun more than auth.oidc.sessionsPerPerson", slog.String("caller", oldest.Name))
	}
	return nil
}

// List returns the sessions that have not ended, the oldest first.
func (s *Sessions) List(ctx context.Context) ([]access.Session, error) {
	open, err := s.all(ctx)
	out := []access.Session{}
	for _, l := range open {
		out = append(out, access.Session{
			ID: l.hash[:sessionIDLength], Name: l.Name, Role: l.role, From: l.From,
			Began: l.Began, Renewed: l.Renewed, Ends: l.Began.Add(s.rules.Life),
		})
	}
	return out, err
}

// End ends a session by the id that List gives it.
func (s *Sessions) End(ctx context.Context, id string) error {
	hashes, err := s.redis.ZRange(ctx, sessionIndex, 0, maxListed, false)
	if err != nil {
		return err
	}
	for _, hash := range hashes {
		if !strings.HasPrefix(hash, id) {
			continue
		}
		if err := s.endHashed(ctx, hash); err != nil {
			return err
		}
	}
	return nil
}
