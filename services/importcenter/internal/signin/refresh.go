package signin

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"errors"
	"log/slog"
	"time"

	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/access"
)

const (
	// refreshTimeout bounds how long one request of a session waits for the provider.
	refreshTimeout = 5 * time.Second
	// askAgainAfter is how long after a failure the provider is asked again about a session.
	askAgainAfter = 30 * time.Second
)

// current reads a session. If the provider has not been asked for the person's role for
// rules.Refresh, it is asked; a session whose person it does not vouch for any more, or
// who has no role any more, ends.
func (s *Sessions) current(ctx context.Context, id string, now time.Time) (session, error) {
	held, _, err := s.read(ctx, id, now)
	if err != nil || s.rules.Refresh == 0 || len(held.Token) == 0 || now.Sub(held.Asked) < s.rules.Refresh {
		return held, err
	}
	// One request asks: most providers take a refresh token once, and end the whole sign-in
	// at its second use. The others go on with the role as it was.
	first, err := s.redis.SetIfAbsent(ctx, askingKey(id), []byte("1"), askAgainAfter)
	if err != nil || !first {
		return held, nil //nolint:nilerr // the session itself has been read
	}
	return s.refresh(ctx, id, now)
}

// refresh is not ended by the request that began it: what the provider gives out has to be
// kept, because it has taken back what was there before.
func (s *Sessions) refresh(ctx context.Context, id string, now time.Time) (session, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), refreshTimeout)
	defer cancel()
	held, _, err := s.read(ctx, id, now) // as whoever asked before has left it
	if err != nil || now.Sub(held.Asked) < s.rules.Refresh {
		return held, err
	}
	token, err := open(id, held.Token)
	if err != nil {
		return session{}, s.takeAway(ctx, id, held, err)
	}
	caller, next, err := s.deps.Refresh(ctx, token, now)
	switch {
	case errors.Is(err, errTakenAway):
		return session{}, s.takeAway(ctx, id, held, err)
	case err == nil && caller.Name != held.Name:
		return session{}, s.takeAway(ctx, id, held, errors.New("the provider names another person"))
	case err == nil && caller.Role == access.Anyone:
		return session{}, s.takeAway(ctx, id, held, errors.New("none of the person's groups has a role any more"))
	case err != nil:
		s.deps.Log.WarnContext(ctx, "the provider does not say what role a person has now; the session keeps the former one until it ends",
			slog.String("caller", held.Name), slog.Any("error", err))
	}
	sealed, sealErr := seal(id, next)
	changed, changeErr := s.change(ctx, id, now, func(h *session) {
		if err == nil {
			h.Role, h.Selector, h.Asked = caller.Role.String(), caller.Selector, now
		}
		if next != "" && sealErr == nil {
			h.Token = sealed
		}
	})
	if errors.Is(changeErr, errExpired) {
		return session{}, changeErr
	}
	if changeErr != nil {
		s.deps.Log.WarnContext(ctx, "what the provider says of a session is not kept, and the session may end soon", slog.Any("error", changeErr))
		return session{}, unknownSession()
	}
	if err == nil {
		// The next question is due after rules.Refresh, however soon that is.
		changeErr = s.redis.Del(ctx, askingKey(id))
	}
	if changeErr != nil {
		s.deps.Log.WarnContext(ctx, "a session's question to the provider is not marked as answered", slog.Any("error", changeErr))
	}
	return changed, nil
}

// takeAway ends a session, whatever becomes of its audit entry.
func (s *Sessions) takeAway(ctx context.Context, id string, held session, why error) error {
	s.deps.Log.WarnContext(ctx, "a session was ended", slog.String("caller", held.Name), slog.Any("error", why))
	if err := s.end(ctx, id); err != nil {
		return unknownSession()
	}
	role, err := access.ParseRole(held.Role)
	if err == nil {
		err = s.deps.Audit(ctx, schemas.AuditSignOut, held.Name, role)
	}
	if err != nil {
		s.deps.Log.WarnContext(ctx, "the end of a session is missing in the audit topic", slog.Any("error", err))
	}
	return errExpired
}

func askingKey(id string) string { return "access:session-asking:" + hashed(id) }

// seal encrypts a refresh token with a key that only the cookie's id gives, so that
// whoever reads Redis cannot use the token.
func seal(id, token string) ([]byte, error) {
	aead, err := sealer(id)
	if err != nil {
		return nil, err
	}
	return aead.Seal(nil, nil, []byte(token), []byte(hashed(id))), nil
}

func open(id string, sealed []byte) (string, error) {
	aead, err := sealer(id)
	if err != nil {
		return "", err
	}
	token, err := aead.Open(nil, nil, sealed, []byte(hashed(id)))
	return string(token), err
}

func sealer(id string) (cipher.AEAD, error) {
	key := sha256.Sum256([]byte("refresh token of " + id))
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}
