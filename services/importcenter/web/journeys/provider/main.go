// Program provider is an OpenID provider for the journeys of the web page: package op of
// zitadel/oidc with its example's storage, a page to type a password on, and two people, one
// of the group tapline-editors and one of staff. It serves until it is ended.
package main

import (
	"context"
	"crypto/sha256"
	"flag"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// groups are the groups of the people that the example's storage knows, by their ids.
func groups(id string) []string {
	if id == "id1" {
		return []string{"tapline-editors"}
	}
	return []string{"staff"}
}

type people struct{ *storage.Storage }

func (p people) SetUserinfoFromRequest(ctx context.Context, info *oidc.UserInfo, request op.IDTokenRequest, scopes []string) error {
	info.AppendClaims("groups", groups(request.GetSubject()))
	if err := p.Storage.SetUserinfoFromRequest(ctx, info, request, scopes); err != nil {
		return fmt.Errorf("reading the person: %w", err)
	}
	return nil
}

func main() {
	addr := flag.String("addr", "127.0.0.1:0", "host:port to serve at")
	redirect := flag.String("redirect", "", "Import Center's /auth/callback")
	flag.Parse()
	if err := serve(*addr, *redirect); err != nil {
		fmt.Fprintln(os.Stderr, "serving the provider:", err)
		os.Exit(1)
	}
}

func serve(addr, redirect string) error {
	issuer := "http://" + addr
	known := people{storage.NewStorageWithClients(storage.NewUserStore(issuer), map[string]*storage.Client{
		"tapline": storage.WebClient("tapline", "the-secret", redirect),
	})}
	made, err := op.NewProvider(&op.Config{
		CryptoKey: sha256.Sum256([]byte("test")), CodeMethodS256: true, AuthMethodPost: true, GrantTypeRefreshToken: true,
	}, known, op.StaticIssuer(issuer), op.WithAllowInsecure(), op.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		return fmt.Errorf("making the provider: %w", err)
	}
	interceptor := op.NewIssuerInterceptor(made.IssuerFromRequest)
	mux := http.NewServeMux()
	mux.Handle("GET /login/username", http.HandlerFunc(ask))
	mux.Handle("POST /login/username", interceptor.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.PostFormValue("id")
		if err := known.CheckUsernamePassword(r.PostFormValue("user"), r.PostFormValue("password"), id); err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		http.Redirect(w, r, op.AuthCallbackURL(made)(r.Context(), id), http.StatusFound)
	}))
	mux.Handle("/", made)
	server := &http.Server{Addr: addr, Handler: mux, ReadHeaderTimeout: time.Minute}
	return fmt.Errorf("listening: %w", server.ListenAndServe())
}

var form = template.Must(template.New("form").Parse(`<!doctype html><html lang="en"><title>Provider</title><h1>Provider</h1>
<form method="post"><input type="hidden" name="id" value="{{.}}">
<label>User <input name="user"></label> <label>Password <input name="password" type="password"></label> <button>Sign in</button></form></html>`))

func ask(w http.ResponseWriter, r *http.Request) {
	if err := form.Execute(w, r.URL.Query().Get("authRequestID")); err != nil {
		fmt.Fprintln(os.Stderr, "writing the form:", err)
	}
}
