package snowflake

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

type loginRequest struct {
	Data struct {
		Account       string         `json:"ACCOUNT_NAME"`
		Login         string         `json:"LOGIN_NAME"`
		Password      string         `json:"PASSWORD"`
		Authenticator string         `json:"AUTHENTICATOR"`
		Token         string         `json:"TOKEN"`
		Params        map[string]any `json:"SESSION_PARAMETERS"`
	} `json:"data"`
}

// parsePublicKey reads the registered key of the user.
func parsePublicKey(text string) (*rsa.PublicKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("public key is not PEM")
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("parsing public key: %w", err)
	}
	public, ok := key.(*rsa.PublicKey)
	if !ok {
		return nil, errors.New("public key is not RSA")
	}
	return public, nil
}

func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// authenticate checks who logs in.
func (s *Server) authenticate(in loginRequest) *Error {
	wrong := &Error{"390100", "08001", "Incorrect username or password was specified."}
	user := strings.EqualFold(in.Data.Login, s.cfg.User)
	switch strings.ToUpper(in.Data.Authenticator) {
	case "", "SNOWFLAKE":
		if !equal(in.Data.Password, s.cfg.Password) || !user || s.cfg.Password == "" {
			return wrong
		}
		return nil
	case "SNOWFLAKE_JWT":
		// The token names the user; a driver may leave the login name out.
		if s.publicKey == nil || !user && in.Data.Login != "" {
			return &Error{"390144", "08001", "JWT token is invalid."}
		}
		return s.verifyJWT(in.Data.Token)
	}
	return &Error{"390105", "08001", "The sandbox logs in by password and by key pair only."}
}

// verifyJWT checks signature, issuer, subject and times of a key-pair token.
func (s *Server) verifyJWT(token string) *Error {
	invalid := &Error{"390144", "08001", "JWT token is invalid."}
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return invalid
	}
	var header struct{ Alg string }
	var claims struct {
		Iss, Sub string
		Iat, Exp float64
	}
	for i, to := range []any{&header, &claims} {
		data, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil || json.Unmarshal(data, to) != nil {
			return invalid
		}
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || header.Alg != "RS256" {
		return invalid
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if rsa.VerifyPKCS1v15(s.publicKey, crypto.SHA256, sum[:], signature) != nil {
		return invalid
	}
	der, err := x509.MarshalPKIXPublicKey(s.publicKey)
	if err != nil {
		return invalid
	}
	fingerprint := sha256.Sum256(der)
	subject := strings.ToUpper(s.cfg.Account + "." + s.cfg.User)
	if claims.Sub != subject || claims.Iss != subject+".SHA256:"+base64.StdEncoding.EncodeToString(fingerprint[:]) {
		return invalid
	}
	now := float64(time.Now().Unix())
	if claims.Exp < now || claims.Iat > now+60 || claims.Exp-claims.Iat > 3600+60 {
		return invalid
	}
	return nil
}

func (s *Server) login(w http.ResponseWriter, req *http.Request) {
	var in loginRequest
	if !readJSON(w, req, &in) {
		return
	}
	account, _, _ := strings.Cut(in.Data.Account, ".")
	configured, _, _ := strings.Cut(s.cfg.Account, ".")
	if !strings.EqualFold(account, configured) {
		http.Error(w, "no such account", http.StatusForbidden)
		return
	}
	if bad := s.authenticate(in); bad != nil {
		s.log.InfoContext(req.Context(), "login refused", "code", bad.Code)
		writeFailure(w, bad, map[string]any{"nextAction": "RETRY_LOGIN", "authnMethod": "USERNAME_PASSWORD"})
		return
	}
	ses, err := s.openSession(req.Context(), in, req)
	if err != nil {
		writeFailure(w, s.translate(err), nil)
		return
	}
	writeJSON(w, map[string]any{"success": true, "code": nil, "message": nil, "data": s.loginAnswer(ses)})
}

func (s *Server) loginAnswer(ses *session) map[string]any {
	ses.mu.Lock()
	token, master := ses.token, ses.master
	ses.mu.Unlock()
	return map[string]any{
		"token": token, "masterToken": master, "sessionId": ses.id,
		"validityInSeconds": int(s.cfg.SessionValidity.Seconds()), "masterValidityInSeconds": int(s.cfg.MasterValidity.Seconds()),
		"displayUserName": ses.user, "serverVersion": serverVersion, "firstLogin": false, "healthCheckInterval": 45,
		"parameters": ses.paramList(),
		"sessionInfo": map[string]any{
			"databaseName": orNil(ses.database), "schemaName": orNil(ses.schema), "warehouseName": orNil(ses.warehouse), "roleName": ses.role,
		},
	}
}

func orNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func (s *Server) openSession(ctx context.Context, in loginRequest, req *http.Request) (*session, error) {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("opening connection: %w", err)
	}
	ses := &session{
		server: s, id: s.nextSession.Add(1), user: strings.ToUpper(s.cfg.User), conn: conn,
		role: "PUBLIC", warehouse: s.cfg.Warehouse, params: defaultParams(),
	}
	if err := s.prepareSession(ctx, ses, in, req); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	s.mu.Lock()
	s.sessions[ses.id] = ses
	s.mu.Unlock()
	s.sweep(ctx)
	return ses, nil
}

// sweep closes the sessions that nobody can renew any more.
func (s *Server) sweep(ctx context.Context) {
	now := time.Now()
	var gone []*session
	s.mu.Lock()
	for id, ses := range s.sessions {
		ses.mu.Lock()
		if now.After(ses.masterEnd) {
			gone = append(gone, ses)
			delete(s.sessions, id)
		}
		ses.mu.Unlock()
	}
	s.mu.Unlock()
	for _, ses := range gone {
		s.running.Go(func() {
			if err := ses.close(context.WithoutCancel(ctx)); err != nil {
				s.log.WarnContext(ctx, "closing session", "error", err)
			}
		})
	}
}

func (s *Server) prepareSession(ctx context.Context, ses *session, in loginRequest, req *http.Request) error {
	for name, value := range in.Data.Params {
		if err := ses.set(name, value); err != nil {
			return err
		}
	}
	query := req.URL.Query()
	if role := query.Get("roleName"); role != "" {
		ses.role = strings.ToUpper(role)
	}
	if w := query.Get("warehouse"); w != "" {
		ses.warehouse = strings.ToUpper(w)
	}
	snap, err := s.catalog.read(ctx)
	if err != nil {
		return err
	}
	database, schema := fold(query.Get("databaseName")), fold(query.Get("schemaName"))
	strict := strings.EqualFold(ses.param("CLIENT_VALIDATE_DEFAULT_PARAMETERS"), "true")
	missing := func(kind string) error {
		return &Error{"390201", "08004", "The requested " + kind + " does not exist or not authorized."}
	}
	if _, ok := snap.databases[database]; database != "" && !ok {
		if strict {
			return missing("database")
		}
		database = ""
	}
	if schema == "" && snap.databases[database]["PUBLIC"] {
		schema = "PUBLIC"
	}
	if database != "" && schema != "" && !snap.databases[database][schema] {
		if strict {
			return missing("schema")
		}
		schema = ""
	}
	if database == "" {
		schema = ""
	}
	if err := ses.use(ctx, database, schema); err != nil {
		return err
	}
	return ses.renew()
}

// fold is a name from a connection parameter: upper case unless it is quoted.
func fold(name string) string {
	if len(name) > 1 && strings.HasPrefix(name, `"`) && strings.HasSuffix(name, `"`) {
		return name[1 : len(name)-1]
	}
	return strings.ToUpper(name)
}
