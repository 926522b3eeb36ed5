package wire

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"tapline.dev/sandbox/internal/snowflake/engine"
)

// login is a client's session: its tokens and its session of the engine, which is nil for
// statements of an earlier process.
type login struct {
	id      int64
	session *engine.Session

	mu        sync.Mutex
	token     string
	master    string
	expires   time.Time
	masterEnd time.Time
}

func randomToken() (string, error) {
	b := make([]byte, 48)
	if _, err := rand.Read(b); err != nil {
		return "", fmt.Errorf("making token: %w", err)
	}
	return "ver:1-hint:1-" + base64.RawURLEncoding.EncodeToString(b), nil
}

func newUUID() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails
	s := hex.EncodeToString(b)
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

// renew gives the login new tokens.
func (l *login) renew(validity time.Duration) error {
	token, err := randomToken()
	if err != nil {
		return err
	}
	master, err := randomToken()
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.token, l.master = token, master
	l.expires = time.Now().Add(validity)
	l.masterEnd = time.Now().Add(engine.MasterValidity)
	return nil
}

func (s *Server) openLogin(ctx context.Context, in loginRequest, req *http.Request) (*login, error) {
	query := req.URL.Query()
	session, err := s.engine.OpenSession(ctx, engine.SessionOptions{
		User: strings.ToUpper(s.cfg.User), Role: query.Get("roleName"), Warehouse: query.Get("warehouse"),
		Database: query.Get("databaseName"), Schema: query.Get("schemaName"), Params: in.Data.Params,
	})
	if err != nil {
		return nil, err
	}
	l := &login{id: session.ID(), session: session}
	if err := l.renew(s.cfg.SessionValidity); err != nil {
		return nil, errors.Join(err, session.Close(ctx))
	}
	s.mu.Lock()
	s.sessions[l.id] = l
	s.mu.Unlock()
	s.closeExpired(ctx)
	return l, nil
}

// closeExpired closes the sessions whose master token has expired.
func (s *Server) closeExpired(ctx context.Context) {
	now := time.Now()
	var expired []*login
	s.mu.Lock()
	for id, ses := range s.sessions {
		ses.mu.Lock()
		if now.After(ses.masterEnd) {
			expired = append(expired, ses)
			delete(s.sessions, id)
		}
		ses.mu.Unlock()
	}
	s.mu.Unlock()
	for _, ses := range expired {
		s.running.Go(func() {
			if err := ses.session.Close(context.WithoutCancel(ctx)); err != nil {
				s.log.WarnContext(ctx, "closing session", slog.Any("error", err))
			}
		})
	}
}

func (l *login) parameters() []engine.NameValue {
	if l.session == nil {
		return []engine.NameValue{}
	}
	return l.session.ParamList()
}
