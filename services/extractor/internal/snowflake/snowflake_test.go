package snowflake

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/snowflakedb/gosnowflake"

	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/rowjson"
	"tapline.dev/services/extractor/internal/statement"
)

// read returns how many rows the result's chunks hold, which must count up.
func read(t *testing.T, r *Result) int {
	t.Helper()
	n := 0
	d, err := rowjson.NewDecoder(r.Columns(), 1)
	if err != nil {
		t.Fatal(err)
	}
	for i := range r.Chunks() {
		chunk, err := r.Chunk(t.Context(), i)
		if err != nil {
			t.Fatal(err)
		}
		_, err = d.Rows(chunk, func(row *rowjson.Row) (bool, error) {
			if want := []byte(`{"N":` + itoa(n) + `}`); !bytes.Equal(row.JSON, want) {
				t.Fatalf("row %d is %s", n, row.JSON)
			}
			n++
			return false, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return n
}

func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + itoa(n%10)
}

func TestQuery(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	session := s.open()
	var id string
	r, err := session.Query(t.Context(), statement.Statement{SQL: "SELECT 1 WHERE ? < ?", Args: []string{"a", "b"}}, func(q string) { id = q })
	if err != nil {
		t.Fatal(err)
	}
	if r.QueryID() != "01b-7" || id != "01b-7" || r.Total() != 25 || r.Chunks() != 4 {
		t.Errorf("result %s (%s), %d rows, %d chunks", r.QueryID(), id, r.Total(), r.Chunks())
	}
	if diff := cmp.Diff([]schemas.Column{{Name: "N", Type: "FIXED", Precision: 38}}, r.Columns()); diff != "" {
		t.Error(diff)
	}
	if n := read(t, r); n != 25 {
		t.Errorf("%d rows, want 25", n)
	}
	body := s.bodies[len(s.bodies)-1]
	binds, _ := body["bindings"].(map[string]any)
	if len(binds) != 2 || body["sqlText"] != "SELECT 1 WHERE ? < ?" {
		t.Errorf("request: %v", body)
	}
	params, _ := s.logins[0]["SESSION_PARAMETERS"].(map[string]any)
	for name, want := range map[string]any{
		"TIMEZONE": "UTC", "MULTI_STATEMENT_COUNT": "1", "ABORT_DETACHED_QUERY": "true", "STATEMENT_TIMEOUT_IN_SECONDS": "3600",
		"CLIENT_RESULT_CHUNK_SIZE": "16",
		"QUERY_TAG":                `{"import":"customers","run":"customers.1","traceId":"abc"}`,
	} {
		if !strings.EqualFold(toText(params[name]), toText(want)) {
			t.Errorf("%s is %v, want %v", name, params[name], want)
		}
	}
	if s.bodies[0]["sqlText"] != "USE SECONDARY ROLES NONE" {
		t.Errorf("the first statement is %v", s.bodies[0]["sqlText"])
	}
}

func toText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case bool:
		if v {
			return "true"
		}
		return "false"
	}
	return ""
}

func TestAttachTakesUpTheSameResult(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	session := s.open()
	before := len(s.bodies)
	r, err := session.Attach(t.Context(), "01b-7")
	if err != nil {
		t.Fatal(err)
	}
	if r.Total() != 25 || r.Chunks() != 4 || read(t, r) != 25 {
		t.Errorf("%d rows in %d chunks", r.Total(), r.Chunks())
	}
	if len(s.bodies) != before {
		t.Error("a statement was run")
	}
	for _, id := range []string{"01b-8", "", "../login"} {
		var e *Error
		if _, err := session.Attach(t.Context(), id); !errors.As(err, &e) || e.Code != CodeResultLost || e.Permanent {
			t.Errorf("attach %q: %v", id, err)
		}
	}
}

// TestExpiredLinksAreAskedForAgain: Snowflake's links to chunks are good for six hours.
// An expired one is no reason to give the attempt up: the result is taken up again by the
// statement's id, with new links, and continues at the chunk that was not read.
func TestExpiredLinksAreAskedForAgain(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	first, err := s.open().Query(t.Context(), statement.Statement{SQL: "SELECT 1"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := first.Chunk(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	s.links++
	s.mu.Unlock()
	var e *Error
	if _, err := first.Chunk(t.Context(), 2); !errors.As(err, &e) || e.Code != CodeUnreachable || e.Permanent {
		t.Fatalf("by an expired link: %v, want an error that the attempt repeats", err)
	}
	statements := func() (n int) {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, body := range s.bodies {
			if body["sqlText"] == "SELECT 1" {
				n++
			}
		}
		return n
	}
	again, err := s.open().Attach(t.Context(), first.QueryID())
	if err != nil {
		t.Fatal(err)
	}
	if n := read(t, again); n != 25 || statements() != 1 {
		t.Errorf("%d rows of %d statements, want 25 of one", n, statements())
	}
}

func TestBrokenChunks(t *testing.T) {
	t.Parallel()
	// Each spoils the first two of three tries, or all of them.
	strikes := map[string]func(http.ResponseWriter, *http.Request, []byte){
		"truncated": func(w http.ResponseWriter, _ *http.Request, body []byte) { _, _ = w.Write(body[:len(body)/2]) },
		"reset": func(w http.ResponseWriter, _ *http.Request, body []byte) {
			w.Header().Set("Content-Length", "100000")
			_, _ = w.Write(body)
		},
		"short without an error": func(w http.ResponseWriter, _ *http.Request, _ []byte) { _, _ = w.Write(numbers(0, 4)) },
		"no Arrow":               func(w http.ResponseWriter, _ *http.Request, _ []byte) { _, _ = w.Write([]byte("<html>nothing</html>")) },
		"stalled": func(w http.ResponseWriter, r *http.Request, body []byte) {
			_, _ = w.Write(body[:10])
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		},
	}
	codes := map[string]string{"short without an error": CodeResultShort, "no Arrow": CodeUnreadable}
	for name, strike := range strikes {
		for _, tries := range []int{2, 3} {
			t.Run(name+" "+itoa(tries)+" times", func(t *testing.T) {
				t.Parallel()
				s := newServer(t)
				var mu sync.Mutex
				left := tries
				s.strike = func(w http.ResponseWriter, r *http.Request, i int, body []byte) bool {
					mu.Lock()
					defer mu.Unlock()
					if i != 1 || left == 0 {
						return false
					}
					left--
					strike(w, r, body)
					return true
				}
				cfg := testConfig()
				if name == "stalled" {
					cfg.StallTimeout = 500 * time.Millisecond
				}
				r, err := s.openWith(cfg).Query(t.Context(), statement.Statement{SQL: "SELECT 1"}, nil)
				if err != nil {
					t.Fatal(err)
				}
				if tries == 2 {
					if n := read(t, r); n != 25 {
						t.Errorf("%d rows, want 25", n)
					}
					return
				}
				want := codes[name]
				if want == "" {
					want = CodeUnreachable
				}
				var e *Error
				if _, err := r.Chunk(t.Context(), 2); !errors.As(err, &e) || e.Code != want || e.Permanent {
					t.Errorf("chunk: %v, want %s", err, want)
				}
			})
		}
	}
}

// Of Snowflake's words only the name of what is wrong in the query is told, and only
// where the error was found by compiling it.
func TestErrorsAreSentencesWithoutSQL(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		number, state, message string
		code                   string
		permanent              bool
		says                   string
	}{
		{"000904", "42000", "SQL compilation error: error line 3 at position 7\ninvalid identifier 'COLUMN_X'", CodeQuery, true, "COLUMN_X, near line 2, position 7"},
		{"001003", "42000", "SQL compilation error:\nsyntax error line 1 at position 0 unexpected 'CANARY'.", CodeQuery, true, "syntax error"},
		{"002003", "02000", "Object 'TABLE_X' does not exist or not authorized.", CodeQuery, true, "see: TABLE_X"},
		{"100038", "22018", "Numeric value 'CANARY' is not recognized", CodeQuery, true, "value"},
		{"000604", "57014", "SQL execution canceled", CodeCancelled, false, "cancelled"},
		{"000630", "57014", "Statement reached its statement timeout", CodeTimeout, false, "timeout"},
		{"000709", "02000", "Statement CANARY not found", CodeResultLost, false, "no longer has the statement"},
		{"000606", "57P03", "No active warehouse selected", CodeConnection, true, "warehouse"},
		{"003001", "42501", "Insufficient privileges to operate on CANARY", CodeQuery, true, "privileges"},
		{"300002", "XX000", "Internal error CANARY", CodeUnreachable, false, "error"},
	} {
		t.Run(tt.number, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			s.fail = func(string) (string, string, string) { return tt.number, tt.state, tt.message }
			_, err := s.open().Query(t.Context(), statement.Statement{SQL: "SELECT CANARY"}, nil)
			var e *Error
			if !errors.As(err, &e) || e.Code != tt.code || e.Permanent != tt.permanent {
				t.Fatalf("%#v", err)
			}
			if strings.Contains(err.Error(), "CANARY") || !strings.Contains(err.Error(), tt.says) || !strings.Contains(err.Error(), tt.number) {
				t.Errorf("it says %q", err)
			}
		})
	}
}

func TestClosedSessionAnswersNothing(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	session := s.open()
	session.Close()
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := session.Query(ctx, statement.Statement{SQL: "SELECT 1"}, nil); err == nil || time.Since(began) > 3*time.Second {
		t.Errorf("a closed session answered: %v after %s", err, time.Since(began))
	}
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	plain, err := os.ReadFile("testdata/plain.p8")
	if err != nil {
		t.Fatal(err)
	}
	t.Run("the second key is tried when the first is refused", func(t *testing.T) {
		t.Parallel()
		s := newServer(t)
		conn := s.connection()
		conn.Password, conn.PrivateKey, conn.SecondPrivateKey = "", string(plain), string(plain)
		session, err := Open(t.Context(), testConfig(), conn, Tag{})
		if err != nil {
			t.Fatal(err)
		}
		session.Close()
		if len(s.logins) != 2 || !session.BySecondKey() {
			t.Errorf("%d sign-ins, want 2; by the second key: %v", len(s.logins), session.BySecondKey())
		}
	})
	for name, tt := range map[string]struct {
		change func(*schemas.SnowflakeConnectionSpec, *Config)
		code   string
	}{
		"wrong password":     {func(c *schemas.SnowflakeConnectionSpec, _ *Config) { c.Password = "wrong" }, CodeAuth},
		"no secret":          {func(c *schemas.SnowflakeConnectionSpec, _ *Config) { c.Password = "" }, CodeConnection},
		"no account":         {func(c *schemas.SnowflakeConnectionSpec, _ *Config) { c.Account = "" }, CodeConnection},
		"no key":             {func(c *schemas.SnowflakeConnectionSpec, _ *Config) { c.PrivateKey = "canary" }, CodeConnection},
		"endpoint forbidden": {func(_ *schemas.SnowflakeConnectionSpec, cfg *Config) { cfg.AllowCustomEndpoints = false }, CodeConnection},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, cfg := newServer(t).connection(), testConfig()
			tt.change(&conn, &cfg)
			_, err := Open(t.Context(), cfg, conn, Tag{})
			var e *Error
			if !errors.As(err, &e) || e.Code != tt.code || !e.Permanent || strings.Contains(err.Error(), "canary") {
				t.Errorf("%v, want %s", err, tt.code)
			}
		})
	}
	for name, want := range map[string]gosnowflake.AuthType{"token": gosnowflake.AuthTypePat, "oauth": gosnowflake.AuthTypeOAuth} {
		conn := schemas.SnowflakeConnectionSpec{Token: "x"}
		if name == "oauth" {
			conn = schemas.SnowflakeConnectionSpec{OAuthToken: "x"}
		}
		if keys, err := credentials(conn); err != nil || len(keys) != 1 || keys[0].kind != want || keys[0].token != "x" {
			t.Errorf("%s: %+v, %v", name, keys, err)
		}
	}
}

func TestPrivateKeys(t *testing.T) {
	t.Parallel()
	load := func(file, passphrase string) (string, error) {
		text, err := os.ReadFile("testdata/" + file)
		if err != nil {
			t.Fatal(err)
		}
		key, err := parseKey(string(text), passphrase)
		if err != nil {
			return "", err
		}
		return key.N.String(), nil
	}
	want, err := load("plain.p8", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"pkcs1.pem", "aes256.p8", "des3.p8", "aes128sha1.p8"} {
		if got, err := load(file, "throwaway"); err != nil || got != want {
			t.Errorf("%s: %v", file, err)
		}
	}
	for file, passphrase := range map[string]string{"aes256.p8": "wrong", "des3.p8": "", "pbes1.p8": "throwaway"} {
		if _, err := load(file, passphrase); err == nil {
			t.Errorf("%s was read", file)
		}
	}
	if _, err := parseKey("no key", ""); err == nil {
		t.Error("a text was read as a key")
	}
}
