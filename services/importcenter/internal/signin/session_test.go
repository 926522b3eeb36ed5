package signin

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tapline.dev/libs/redis/redistest"
	"tapline.dev/services/importcenter/internal/access"
)

// TestSessionsEnd: after idle time, after their life however much they are used,
// and when somebody signs out.
func TestSessionsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, client := redistest.NewVirtual(t)
		s := NewSessions(client, SessionRules{Idle: 30 * time.Minute, Life: 2 * time.Hour, PerPerson: 5}, SessionDeps{Log: slog.New(slog.DiscardHandler)})
		begin := func() string {
			id, err := s.begin(t.Context(), access.Caller{Name: "oidc:maya", Role: access.Editor}, "", time.Now())
			if err != nil {
				t.Fatal(err)
			}
			return id
		}
		holds := func(id string) bool {
			caller, err := s.Caller(t.Context(), id, time.Now())
			if err != nil && !errors.Is(err, errExpired) {
				t.Fatal(err)
			}
			return err == nil && caller.Name == "oidc:maya" && caller.Role == access.Editor
		}
		unused, used, ended := begin(), begin(), begin()
		if unused == used || len(used) < 40 || strings.Contains(sessionKey(used), used) {
			t.Error("ids are short, the same, or stand in Redis")
		}
		if !holds(ended) || s.end(t.Context(), ended) != nil || holds(ended) {
			t.Error("a session that was ended goes on")
		}
		for range 5 {
			time.Sleep(20 * time.Minute)
			if !holds(used) {
				t.Fatal("a session in use has ended")
			}
		}
		if holds(unused) {
			t.Error("a session that nobody used goes on")
		}
		time.Sleep(20 * time.Minute)
		if holds(used) {
			t.Error("a session goes on beyond its life")
		}
	})
}
