package snowflake

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/services/extractor/internal/statement"
)

// cut breaks the connection of a request.
func cut(t *testing.T, w http.ResponseWriter) {
	t.Helper()
	c, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		t.Error(err)
		return
	}
	_ = c.Close()
}

func TestCancelAndLeave(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		leave    bool
		deafen   func(w http.ResponseWriter, r *http.Request, n int) bool
		aborts   int
		stranded bool
	}{
		{name: "cancelled", aborts: 1},
		{name: "left", leave: true},
		{name: "the abort's connections break", aborts: 1, deafen: func(w http.ResponseWriter, _ *http.Request, n int) bool {
			if n > 2 {
				return false
			}
			cut(t, w)
			return true
		}},
		{name: "the abort is not answered", aborts: 1, deafen: func(_ http.ResponseWriter, r *http.Request, n int) bool {
			if n == 1 {
				<-r.Context().Done()
			}
			return n == 1
		}},
		{name: "the abort meets a gateway that is down", aborts: 1, deafen: func(w http.ResponseWriter, _ *http.Request, n int) bool {
			if n == 1 {
				w.WriteHeader(http.StatusBadGateway)
			}
			return n == 1
		}},
		{name: "there is nothing to abort", deafen: func(w http.ResponseWriter, _ *http.Request, _ int) bool {
			_, _ = w.Write([]byte(`{"success":false,"code":"000605","message":"not executing"}`))
			return true
		}},
		{name: "the abort is refused", stranded: true, deafen: func(w http.ResponseWriter, _ *http.Request, _ int) bool {
			_, _ = w.Write([]byte(`{"success":false,"code":"390104","message":"no session"}`))
			return true
		}},
		{name: "no abort gets through", stranded: true, deafen: func(w http.ResponseWriter, _ *http.Request, _ int) bool {
			cut(t, w)
			return true
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			s.deafen = tt.deafen
			session := s.open()
			arrived, release := make(chan struct{}), make(chan struct{})
			s.mu.Lock()
			s.block = func(r *http.Request) {
				close(arrived)
				select {
				case <-release:
				case <-r.Context().Done():
				}
			}
			s.mu.Unlock()
			ctx, cancel := context.WithCancelCause(t.Context())
			done := make(chan error, 1)
			go func() {
				_, err := session.Query(ctx, statement.Statement{SQL: "SELECT 1"}, nil)
				done <- err
			}()
			<-arrived
			if tt.leave {
				session.KeepStatement()
			}
			began, cause := time.Now(), errors.New("enough")
			cancel(cause)
			if err := <-done; !errors.Is(err, cause) {
				t.Errorf("ended with %v", err)
			}
			if took := time.Since(began); took > 3*time.Second {
				t.Errorf("ended after %s, which leaves a second session no time", took)
			}
			close(release)
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.aborts != tt.aborts || session.MayStillRun() != tt.stranded {
				t.Errorf("%d of %d aborts got through, want %d; stranded %v, want %v", s.aborts, s.tried, tt.aborts, session.MayStillRun(), tt.stranded)
			}
		})
	}
}

func TestCancelFromAnotherSession(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.chunks, s.total = 0, 10
	session := s.open()
	if session.ID() != 1 {
		t.Errorf("the session's id is %d, want 1", session.ID())
	}
	if err := session.Cancel(t.Context(), "01b-7"); err != nil {
		t.Error(err)
	}
	if err := session.CancelSession(t.Context(), 1065153872298); err != nil {
		t.Error(err)
	}
	var got []any
	for _, body := range s.bodies[2:] { // after those of the sign-in
		got = append(got, body["sqlText"])
	}
	want := []any{`SELECT SYSTEM$CANCEL_QUERY('01b-7') AS "R"`, `SELECT SYSTEM$CANCEL_ALL_QUERIES(1065153872298) AS "R"`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("statements (-want +got):\n%s", diff)
	}
	if err := session.Cancel(t.Context(), "1') or true--"); err == nil {
		t.Error("a text was taken for a query id")
	}
}
