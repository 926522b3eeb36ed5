package signin

import (
	"bytes"
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

// vouching is what the provider says of a person, and the refresh tokens that it was shown.
type vouching struct {
	caller access.Caller
	err    error
	shown  []string
	next   string
	wait   chan struct{}
}

func (v *vouching) refresh(ctx context.Context, token string, _ time.Time) (access.Caller, string, error) {
	v.shown = append(v.shown, token)
	if v.wait != nil {
		select {
		case <-v.wait:
		case <-ctx.Done():
			return access.Caller{}, "", ctx.Err()
		}
	}
	return v.caller, v.next, v.err
}

// TestRolesAreRefreshed: the provider is asked again every rules.Refresh while a session is
// in use, with the token that it gave out last; who lost a role has the lesser one, and who
// has none, is another person or is not known any more is signed out. While the provider
// is away the role stays.
func TestRolesAreRefreshed(t *testing.T) {
	t.Parallel()
	maya := func(r access.Role) access.Caller { return access.Caller{Name: "oidc:maya", Role: r} }
	for name, c := range map[string]struct {
		vouching vouching
		want     access.Role // Anyone: signed out
		asked    []string
	}{
		"the same role":            {vouching{caller: maya(access.Editor), next: "second"}, access.Editor, []string{"first", "second"}},
		"a lesser role":            {vouching{caller: maya(access.Viewer), next: "second"}, access.Viewer, []string{"first", "second"}},
		"a token that stays":       {vouching{caller: maya(access.Editor), next: "first"}, access.Editor, []string{"first", "first"}},
		"no role any more":         {vouching{caller: maya(access.Anyone), next: "second"}, access.Anyone, []string{"first"}},
		"another person":           {vouching{caller: access.Caller{Name: "oidc:nora", Role: access.Admin}}, access.Anyone, []string{"first"}},
		"not known any more":       {vouching{err: errTakenAway}, access.Anyone, []string{"first"}},
		"the provider is away":     {vouching{err: errors.New("no answer")}, access.Editor, []string{"first", "first", "first"}},
		"a provider without roles": {vouching{err: errNoRole, next: "second"}, access.Editor, []string{"first", "second", "second"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				_, client := redistest.NewVirtual(t)
				var audited int
				s := NewSessions(client, SessionRules{Idle: time.Hour, Life: 2 * time.Hour, PerPerson: 3, Refresh: 5 * time.Minute}, SessionDeps{
					Refresh: c.vouching.refresh, Log: slog.New(slog.DiscardHandler),
					Audit: func(context.Context, string, string, access.Role) error { audited++; return nil },
				})
				id, err := s.begin(t.Context(), maya(access.Editor), "first", time.Now())
				if err != nil {
					t.Fatal(err)
				}
				raw, _, err := client.Get(t.Context(), sessionKey(id))
				if err != nil || bytes.Contains(raw, []byte("first")) {
					t.Errorf("Redis holds %s, %v", raw, err)
				}
				var long access.Caller // of an answer that goes on
				role := access.Anyone
				for i, wait := range []time.Duration{0, 4 * time.Minute, time.Minute, time.Minute, 4 * time.Minute} {
					time.Sleep(wait)
					caller, err := s.Caller(t.Context(), id, time.Now())
					if err != nil && !errors.Is(err, errExpired) {
						t.Fatal(err)
					}
					if role = caller.Role; i == 0 {
						long = caller
					}
				}
				if role != c.want {
					t.Errorf("the role is %s, want %s", role, c.want)
				}
				if d := cmp.Diff(c.asked, c.vouching.shown); d != "" {
					t.Error("the provider was shown (-want +got):\n" + d)
				}
				if (c.want == access.Anyone) != (audited == 1) {
					t.Errorf("%d entries in the audit", audited)
				}
				time.Sleep(time.Second)
				if err := long.StillHolds(time.Now()); (err == nil) != (c.want == access.Editor) {
					t.Errorf("an answer that began before = %v", err)
				}
			})
		})
	}
}

// TestOneRequestAsksTheProvider: others go on meanwhile, and one that is given up still
// keeps what the provider has given out.
func TestOneRequestAsksTheProvider(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, client := redistest.NewVirtual(t)
		v := &vouching{caller: access.Caller{Name: "oidc:maya", Role: access.Viewer}, next: "second", wait: make(chan struct{})}
		s := NewSessions(client, SessionRules{Idle: time.Hour, Life: 2 * time.Hour, PerPerson: 3, Refresh: time.Minute}, SessionDeps{Refresh: v.refresh, Log: slog.New(slog.DiscardHandler)})
		id, err := s.begin(t.Context(), access.Caller{Name: "oidc:maya", Role: access.Editor}, "first", time.Now())
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		ctx, leave := context.WithCancel(t.Context())
		go func() { _, _ = s.Caller(ctx, id, time.Now()) }()
		synctest.Wait()
		leave()
		for range 3 {
			if caller, err := s.Caller(t.Context(), id, time.Now()); err != nil || caller.Role != access.Editor {
				t.Errorf("another request meanwhile = %s, %v", caller.Role, err)
			}
		}
		close(v.wait)
		synctest.Wait()
		if caller, err := s.Caller(t.Context(), id, time.Now()); err != nil || caller.Role != access.Viewer {
			t.Errorf("afterwards = %s, %v", caller.Role, err)
		}
		if d := cmp.Diff([]string{"first"}, v.shown); d != "" {
			t.Error("the provider was shown (-want +got):\n" + d)
		}
	})
}

// unwritable is a Redis that answers and takes no change of a session.
type unwritable struct{ sessionStore }

func (unwritable) Replace(context.Context, string, []byte, []byte, time.Duration) (bool, error) {
	return false, errors.New("OOM command not allowed when used memory > 'maxmemory'")
}

// TestARefreshThatCannotBeKept: the person is asked to try again, and not to sign in.
func TestARefreshThatCannotBeKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, client := redistest.NewVirtual(t)
		v := &vouching{caller: access.Caller{Name: "oidc:maya", Role: access.Viewer}, next: "second"}
		s := NewSessions(unwritable{client}, SessionRules{Idle: time.Hour, Life: 2 * time.Hour, PerPerson: 3, Refresh: time.Minute}, SessionDeps{Refresh: v.refresh, Log: slog.New(slog.DiscardHandler)})
		id, err := s.begin(t.Context(), access.Caller{Name: "oidc:maya", Role: access.Editor}, "first", time.Now())
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if caller, err := s.Caller(t.Context(), id, time.Now()); !errors.As(err, new(*access.UnavailableError)) {
			t.Errorf("Caller() = %s, %v; want an UnavailableError", caller.Role, err)
		}
		if caller, err := s.Caller(t.Context(), id, time.Now()); err != nil || caller.Role != access.Editor {
			t.Errorf("the next request = %s, %v; want the role as it was", caller.Role, err)
		}
	})
}
