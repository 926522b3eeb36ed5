package signin

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/libs/redis/redistest"
	"tapline.dev/services/importcenter/internal/access"
)

// TestSessionsOfAPersonAreBounded: who begins one more loses the oldest, other people lose
// none, the audit says so, and a session whose person could not be bounded is not given out.
func TestSessionsOfAPersonAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, client := redistest.NewVirtual(t)
		var audited []string
		var away error
		s := NewSessions(client, SessionRules{Idle: time.Hour, Life: 2 * time.Hour, PerPerson: 3}, SessionDeps{
			Log: slog.New(slog.DiscardHandler),
			Audit: func(_ context.Context, action, name string, role access.Role) error {
				audited = append(audited, action+" "+name+" "+role.String())
				return away
			},
		})
		begin := func(name string) string {
			time.Sleep(time.Second)
			id, err := s.begin(t.Context(), access.Caller{Name: name, Role: access.Viewer}, "", time.Now())
			if err != nil {
				t.Fatal(err)
			}
			return id
		}
		holds := func(id string) bool {
			_, err := s.Caller(t.Context(), id, time.Now())
			return err == nil
		}
		other := begin("oidc:nora")
		var own []string
		for range 5 {
			own = append(own, begin("oidc:maya"))
		}
		var got []bool
		for _, id := range append(own, other) {
			got = append(got, holds(id))
		}
		if d := cmp.Diff([]bool{false, false, true, true, true, true}, got); d != "" {
			t.Error("which sessions go on (-want +got):\n" + d)
		}
		if d := cmp.Diff([]string{"sign-out oidc:maya viewer", "sign-out oidc:maya viewer"}, audited); d != "" {
			t.Error("the audit (-want +got):\n" + d)
		}
		list, err := s.List(t.Context())
		if err != nil || len(list) != 4 {
			t.Errorf("the listing has %d sessions, %v", len(list), err)
		}
		away = errors.New("Kafka is away")
		if _, err := s.begin(t.Context(), access.Caller{Name: "oidc:maya", Role: access.Viewer}, "", time.Now()); err == nil {
			t.Error("a session that is one too many was given out although none of the others could be ended")
		}
		// What has ended by itself leaves no trace that grows.
		away = nil
		time.Sleep(3 * time.Hour)
		begin("oidc:nora")
		if left, err := client.ZRange(t.Context(), sessionIndex, 0, 100, false); err != nil || len(left) != 1 {
			t.Errorf("the index holds %d sessions, %v; want the one that goes on", len(left), err)
		}
	})
}

// TestASessionThatWasEndedDoesNotComeBack: a request that renews a session while somebody
// ends it.
func TestASessionThatWasEndedDoesNotComeBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, client := redistest.NewVirtual(t)
		s := NewSessions(client, SessionRules{Idle: time.Hour, Life: 2 * time.Hour, PerPerson: 3}, SessionDeps{Log: slog.New(slog.DiscardHandler)})
		id, err := s.begin(t.Context(), access.Caller{Name: "oidc:maya", Role: access.Viewer}, "", time.Now())
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.change(t.Context(), id, time.Now(), func(h *session) {
			h.Renewed = h.Renewed.Add(time.Minute)
			if err := s.end(t.Context(), id); err != nil { // after the request has read the session
				t.Fatal(err)
			}
		})
		if !errors.Is(err, errExpired) {
			t.Errorf("renewing it = %v, want that it has ended", err)
		}
		if _, err := s.Caller(t.Context(), id, time.Now()); !errors.Is(err, errExpired) {
			t.Errorf("the session afterwards = %v", err)
		}
	})
}
