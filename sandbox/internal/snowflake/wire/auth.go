package wire

import (
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
	"log/slog"
	"net/http"
	"strings"
	"time"

	"tapline.dev/sandbox/internal/snowflake/engine"
	"tapline.dev/sandbox/internal/snowflake/sferr"
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

// authenticate checks the credentials of a login.
func (s *Server) authenticate(in loginRequest) *sferr.Error {
	wrong := sferr.New("390100", "08001", "Incorrect username or password was specified.")
	user := strings.EqualFold(in.Data.Login, s.cfg.User)
	switch strings.ToUpper(in.Data.Authenticator) {
	case "", "SNOWFLAKE":
		if !equal(in.Data.Password, string(s.cfg.Password)) || !user || s.cfg.Password == "" {
			return wrong
		}
		return nil
	case "SNOWFLAKE_JWT":
		// The token names the user; a driver may leave the login name out.
		if s.publicKey == nil || !user && in.Data.Login != "" {
			return sferr.New("390144", "08001", "JWT token is invalid.")
		}
		return s.verifyJWT(in.Data.Token)
	}
	return sferr.New("390105", "08001", "The sandbox logs in by password and by key pair only.")
}

// verifyJWT checks signature, issuer, subject and times of a key-pair token.
func (s *Server) verifyJWT(token string) *sferr.Error {
	invalid := sferr.New("390144", "08001", "JWT token is invalid.")
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

func (s *Server) logIn(w http.ResponseWriter, req *http.Request) {
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
		s.log.InfoContext(req.Context(), "login refused", slog.Any("code", bad.Code))
		writeFailure(w, bad, map[string]any{"nextAction": "RETRY_LOGIN", "authnMethod": "USERNAME_PASSWORD"})
		return
	}
	ses, err := s.openLogin(req.Context(), in, req)
	if err != nil {
		writeFailure(w, s.engine.Translate(err), nil)
		return
	}
	writeJSON(w, map[string]any{"success": true, "code": nil, "message": nil, "data": s.loginAnswer(ses)})
}

func (s *Server) loginAnswer(ses *login) map[string]any {
	ses.mu.Lock()
	token, master := ses.token, ses.master
	ses.mu.Unlock()
	database, schema, warehouse, role := ses.session.Current()
	return map[string]any{
		"token": token, "masterToken": master, "sessionId": ses.id,
		"validityInSeconds": int(s.cfg.SessionValidity.Seconds()), "masterValidityInSeconds": int(engine.MasterValidity.Seconds()),
		"displayUserName": ses.session.User(), "serverVersion": engine.ServerVersion, "firstLogin": false, "healthCheckInterval": 45,
		"parameters": ses.session.ParamList(),
		"sessionInfo": map[string]any{
			"databaseName": orNil(database), "schemaName": orNil(schema), "warehouseName": orNil(warehouse), "roleName": role,
		},
	}
}

func orNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}
