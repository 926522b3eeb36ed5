package signin

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"tapline.dev/services/importcenter/internal/access"
)

// loginCookie binds a sign-in to the browser that began it, so that an attacker
// cannot finish a sign-in of their own in somebody else's browser (login CSRF).
const loginCookie = "__Host-tapline-login"

// loginLife bounds a sign-in.
const loginLife = 10 * time.Minute

// Browser signs people in by the authorization code flow with PKCE.
type Browser struct {
	Client   *Client
	Sessions *Sessions
	Redis    values
	Now      func() time.Time
	Log      *slog.Logger
	// Audit writes to the audit topic that somebody signs in or out, before it
	// takes effect.
	Audit func(ctx context.Context, action, name string, role access.Role) error
}

// pending is a sign-in that the provider has not answered.
type pending struct {
	Nonce    string `json:"nonce"`
	Verifier string `json:"verifier"`
	Browser  string `json:"browser"` // the hash of the cookie
	Return   string `json:"return"`
}

// Handler serves /auth/login, /auth/callback and /auth/logout.
func (b *Browser) Handler() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /auth/login", b.login)
	mux.HandleFunc("GET /auth/callback", b.callback)
	mux.HandleFunc("POST /auth/logout", b.logout)
	return mux
}

func (b *Browser) login(w http.ResponseWriter, r *http.Request) {
	config, err := b.Client.oauth(r.Context(), b.Now())
	if err != nil {
		b.say(w, http.StatusServiceUnavailable, err.Error())
		return
	}
	state, browser := rand.Text(), rand.Text()
	p := pending{Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), Browser: hashed(browser), Return: local(r.URL.Query().Get("return"))}
	raw, err := json.Marshal(p)
	if err == nil {
		err = b.Redis.Set(r.Context(), loginKey(state), raw, loginLife)
	}
	if err != nil {
		b.Log.WarnContext(r.Context(), "a sign-in cannot begin", slog.Any("error", err))
		b.say(w, http.StatusServiceUnavailable, "Redis does not answer, so nobody can sign in with a browser; try again")
		return
	}
	http.SetCookie(w, cookie(loginCookie, browser, loginLife))
	options := append(b.Client.Provider.cfg.Strength.ask(), oauth2.S256ChallengeOption(p.Verifier), oidc.Nonce(p.Nonce))
	http.Redirect(w, r, config.AuthCodeURL(state, options...), http.StatusFound)
}

// local returns a path on this server as it is, and / for anything else: a sign-in
// must not redirect to another site.
func local(path string) string {
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.ContainsAny(path, "\\\r\n\t") {
		return "/"
	}
	return path
}

func (b *Browser) callback(w http.ResponseWriter, r *http.Request) {
	p, ok := b.take(r)
	http.SetCookie(w, cookie(loginCookie, "", -1))
	if !ok {
		b.say(w, http.StatusBadRequest, "this sign-in was not begun in this browser, or too long ago; begin again at /auth/login")
		return
	}
	caller, refresh, err := b.Client.exchange(r.Context(), r.URL.Query().Get("code"), p, b.Now())
	if errors.Is(err, errWeak) {
		b.Log.WarnContext(r.Context(), "a sign-in was refused", slog.Any("error", err))
		b.say(w, http.StatusForbidden, "you have signed in, but not as this deployment requires it: sign in again at the OpenID provider, with a second factor if you have one; "+
			"an admin knows auth.oidc.requireAcr, requireAmr and maxAuthAge")
		return
	}
	if err != nil {
		b.Log.WarnContext(r.Context(), "a sign-in failed", slog.Any("error", err))
		b.say(w, http.StatusUnauthorized, "the OpenID provider did not confirm this sign-in; begin again at /auth/login")
		return
	}
	if caller.Role == access.Anyone {
		b.say(w, http.StatusForbidden, "you have signed in, but none of your groups has a role here; ask an admin")
		return
	}
	if err := b.Audit(r.Context(), "sign-in", caller.Name, caller.Role); err != nil {
		b.say(w, http.StatusServiceUnavailable, "Kafka does not answer, so nobody can sign in; try again")
		return
	}
	// The browser's former session ends first, so that it does not count among the person's.
	if former, err := r.Cookie(SessionCookie); err == nil {
		if err := b.Sessions.end(r.Context(), former.Value); err != nil {
			b.Log.WarnContext(r.Context(), "the browser's former session could not be ended", slog.Any("error", err))
		}
	}
	id, err := b.Sessions.begin(r.Context(), caller, refresh, b.Now())
	if err != nil {
		b.Log.WarnContext(r.Context(), "a session cannot begin", slog.Any("error", err))
		b.say(w, http.StatusServiceUnavailable, "Redis or Kafka does not answer, so nobody can sign in with a browser; try again")
		return
	}
	http.SetCookie(w, cookie(SessionCookie, id, b.Sessions.rules.Life))
	http.Redirect(w, r, p.Return, http.StatusFound)
}

// take finds and removes the sign-in that a callback belongs to, if it comes from
// the browser that began it.
func (b *Browser) take(r *http.Request) (p pending, ok bool) {
	state := r.URL.Query().Get("state")
	held, err := r.Cookie(loginCookie)
	if err != nil || state == "" {
		return p, false
	}
	raw, found, err := b.Redis.Get(r.Context(), loginKey(state))
	if err != nil || !found || json.Unmarshal(raw, &p) != nil || p.Browser != hashed(held.Value) {
		return p, false
	}
	return p, b.Redis.Del(r.Context(), loginKey(state)) == nil
}

func (b *Browser) logout(w http.ResponseWriter, r *http.Request) {
	held, err := r.Cookie(SessionCookie)
	if err == nil {
		caller, known := b.Sessions.Caller(r.Context(), held.Value, b.Now())
		if err := b.Sessions.end(r.Context(), held.Value); err != nil {
			b.say(w, http.StatusServiceUnavailable, "Redis does not answer, so the session is not ended; try again")
			return
		}
		if known == nil {
			if err := b.Audit(r.Context(), "sign-out", caller.Name, caller.Role); err != nil {
				b.Log.WarnContext(r.Context(), "a sign-out is missing in the audit topic", slog.Any("error", err))
			}
		}
	}
	http.SetCookie(w, cookie(SessionCookie, "", -1))
	w.WriteHeader(http.StatusNoContent)
}

func (b *Browser) say(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	// The reader is gone if this fails; nobody is left to tell.
	_, _ = w.Write([]byte(text + "\n"))
}

// cookie makes a cookie that is sent to this server only, over TLS, and that no
// script can read. It is SameSite=Lax because the provider's redirect comes from
// another site.
func cookie(name, value string, life time.Duration) *http.Cookie {
	age := int(life.Seconds())
	if life < 0 {
		age = -1
	}
	return &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: age, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode}
}

func loginKey(state string) string { return "access:login:" + hashed(state) }
