package sandbox_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/snowflakedb/gosnowflake"

	"tapline.dev/sandbox"
)

func TestLoginRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for name, tc := range map[string]struct {
		change func(*gosnowflake.Config)
		code   int
	}{
		"wrong password":   {func(c *gosnowflake.Config) { c.Password = "nope" }, 390100},
		"wrong user":       {func(c *gosnowflake.Config) { c.User = "NOBODY" }, 390100},
		"wrong account":    {func(c *gosnowflake.Config) { c.Account = "ELSEWHERE" }, gosnowflake.ErrCodeFailedToConnect},
		"missing database": {func(c *gosnowflake.Config) { c.Database = "NOPE" }, gosnowflake.ErrObjectNotExistOrAuthorized},
		"missing schema":   {func(c *gosnowflake.Config) { c.Schema = "NOPE" }, gosnowflake.ErrObjectNotExistOrAuthorized},
	} {
		err := w.open(t, tc.change).PingContext(t.Context())
		if snowflakeCode(err) != tc.code {
			t.Errorf("%s: %v, want code %d", name, err, tc.code)
		}
	}
	if err := w.open(t, nil).PingContext(t.Context()); err != nil {
		t.Errorf("right password: %v", err)
	}
}

func TestKeyPairLogin(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, func(c *sandbox.SnowflakeConfig) {
		c.PublicKey = string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	})
	with := func(key *rsa.PrivateKey, user string) func(*gosnowflake.Config) {
		return func(c *gosnowflake.Config) {
			c.Authenticator, c.PrivateKey, c.Password, c.User = gosnowflake.AuthTypeJwt, key, "", user
			c.JWTExpireTimeout, c.JWTClientTimeout = time.Minute, 10*time.Second
		}
	}
	if err := w.open(t, with(key, w.cfg.User)).PingContext(t.Context()); err != nil {
		t.Errorf("registered key: %v", err)
	}
	if err := w.open(t, with(other, w.cfg.User)).PingContext(t.Context()); snowflakeCode(err) != 390144 {
		t.Errorf("other key: %v, want code 390144", err)
	}
	if err := w.open(t, with(key, "SOMEBODY")).PingContext(t.Context()); snowflakeCode(err) != 390144 {
		t.Errorf("other user: %v, want code 390144", err)
	}
}

func TestSessionIsRenewed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	db := w.open(t, nil)
	if err := db.PingContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.faults(t, map[string]any{"expireSessions": 1})
	if diff := cmp.Diff([][]string{{"1"}}, texts(t, db, "select 1")); diff != "" {
		t.Errorf("after expiry (-want +got):\n%s", diff)
	}
}

func TestLongStatementsArePolled(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *sandbox.SnowflakeConfig) { c.PollAfter = 20 * time.Millisecond })
	db := w.open(t, nil)
	start := time.Now()
	got := texts(t, db, "select system$wait(200, 'MILLISECONDS') as r")
	if diff := cmp.Diff([][]string{{"waited 200 milliseconds"}}, got); diff != "" || time.Since(start) < 200*time.Millisecond {
		t.Errorf("polled result after %s (-want +got):\n%s", time.Since(start), diff)
	}
	rows, err := db.QueryContext(gosnowflake.WithAsyncMode(t.Context()), "select system$wait(100, 'MILLISECONDS') as r")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	if !rows.Next() {
		t.Errorf("asynchronous result is empty: %v", rows.Err())
	}
}

// queries reads the sandbox's statement log.
func (w *world) queries(t *testing.T, tag string) []map[string]any {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+w.sandbox.Addr()+"/sandbox/v1/queries?tag="+url.QueryEscape(tag), nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var out struct{ Items []map[string]any }
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		t.Fatal(err)
	}
	return out.Items
}

// awaitStatus polls the statement log until the one statement with the tag has the status.
func (w *world) awaitStatus(t *testing.T, tag, want string) map[string]any {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if q := w.queries(t, tag); len(q) == 1 && q[0]["status"] == want {
			return q[0]
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("statement log = %v, want status %s", w.queries(t, tag), want)
		}
	}
}

func TestCancelReachesDuckDB(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *sandbox.SnowflakeConfig) { c.PollAfter = 20 * time.Millisecond })
	db := w.open(t, nil)
	endless := "select sum(a.range % 7) from table(generator(rowcount => 1000000000000)) a"

	ctx, cancel := context.WithCancel(gosnowflake.WithQueryTag(t.Context(), "aborted"))
	done := make(chan error, 1)
	go func() {
		_, err := db.ExecContext(ctx, endless)
		done <- err
	}()
	w.awaitStatus(t, "aborted", "RUNNING")
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled statement = %v", err)
	}
	w.awaitStatus(t, "aborted", "ABORTED")

	go func() {
		_, err := db.ExecContext(gosnowflake.WithQueryTag(t.Context(), "by id"), endless)
		done <- err
	}()
	id, _ := w.awaitStatus(t, "by id", "RUNNING")["id"].(string)
	if got := texts(t, db, `SELECT SYSTEM$CANCEL_QUERY('`+id+`') AS "R"`); len(got) != 1 {
		t.Errorf("SYSTEM$CANCEL_QUERY = %v", got)
	}
	if err := <-done; snowflakeCode(err) != 604 {
		t.Errorf("statement cancelled by id = %v, want code 604", err)
	}

	go func() {
		_, err := db.ExecContext(gosnowflake.WithQueryTag(t.Context(), "by session"), endless)
		done <- err
	}()
	session, _ := w.awaitStatus(t, "by session", "RUNNING")["sessionId"].(float64)
	other := w.open(t, nil)
	cancelAll := fmt.Sprintf(`SELECT SYSTEM$CANCEL_ALL_QUERIES(%d) AS "R"`, int64(session))
	if got := texts(t, other, cancelAll); len(got) != 1 || got[0][0] != "1 cancelled." {
		t.Errorf("SYSTEM$CANCEL_ALL_QUERIES = %v", got)
	}
	if err := <-done; snowflakeCode(err) != 604 {
		t.Errorf("statement cancelled by its session = %v, want code 604", err)
	}
	if got := texts(t, other, cancelAll); len(got) != 1 || got[0][0] != "0 cancelled." {
		t.Errorf("SYSTEM$CANCEL_ALL_QUERIES of an idle session = %v", got)
	}
}

func TestStatementTimeout(t *testing.T) {
	t.Parallel()
	one := "1"
	db := newWorld(t, nil).open(t, func(c *gosnowflake.Config) { c.Params["STATEMENT_TIMEOUT_IN_SECONDS"] = &one })
	if _, err := db.ExecContext(t.Context(), "call system$wait(30)"); snowflakeCode(err) != 630 {
		t.Errorf("statement over its timeout = %v, want code 630", err)
	}
}

func TestResultByQueryID(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	ids := make(chan string, 1)
	first := w.open(t, nil)
	rows, err := first.QueryContext(gosnowflake.WithQueryIDChan(t.Context(), ids), "select seq4() as n from table(generator(rowcount => 2500))")
	if err != nil {
		t.Fatal(err)
	}
	if err := rows.Close(); err != nil {
		t.Fatal(err)
	}
	id := <-ids
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second := w.open(t, nil)
	count := func() (n int, err error) {
		rows, err := second.QueryContext(gosnowflake.WithFetchResultByID(t.Context(), id), "")
		if err != nil {
			return 0, err
		}
		defer rows.Close()
		for rows.Next() {
			n++
		}
		return n, rows.Err()
	}
	if n, err := count(); n != 2500 || err != nil {
		t.Errorf("rows by query id = %d, %v, want 2500", n, err)
	}
	w.faults(t, map[string]any{"loseResults": true})
	if n, err := count(); err == nil {
		t.Errorf("rows of a lost result = %d, want an error", n)
	}
}

func TestDescribeOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	db := w.open(t, nil)
	mustExec(t, db, "create table d (id number(10,2) not null, name varchar(40), at timestamp_tz)")
	type col struct {
		Name, Type       string
		Precision, Scale int64
		Length           int64
		Nullable         bool
	}
	want := []col{{"ID", "fixed", 10, 2, 0, false}, {"NAME", "text", 0, 0, 40, true}, {"AT", "timestamp_tz", 0, 9, 0, true}, {"N", "fixed", 10, 0, 0, true}}
	err := arrowStream(t, db, func(_ context.Context, loader gosnowflake.ArrowStreamLoader) error {
		var got []col
		for _, c := range loader.RowTypes() {
			got = append(got, col{c.Name, c.Type, c.Precision, c.Scale, c.Length, c.Nullable})
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("described columns (-want +got):\n%s", diff)
		}
		return nil
	}, "select d.*, 1 as n from d")
	if err != nil {
		t.Fatal(err)
	}
	rows, err := db.QueryContext(gosnowflake.WithDescribeOnly(t.Context()), "select * from d where id = 1/0")
	if err == nil {
		defer rows.Close()
	}
	if _, err := db.QueryContext(gosnowflake.WithDescribeOnly(t.Context()), "select nope from d"); snowflakeCode(err) != 904 {
		t.Errorf("describing a bad statement = %v, want code 904", err)
	}
}

func TestStatementLogKeepsTags(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	tag := `{"run":"r1"}`
	db := w.open(t, func(c *gosnowflake.Config) { c.Params["QUERY_TAG"] = &tag })
	texts(t, db, "select 1 union all select 2")
	log := w.queries(t, tag)
	if len(log) != 1 || log[0]["text"] != "select 1 union all select 2" || log[0]["rows"] != 2.0 || log[0]["status"] != "SUCCESS" {
		t.Errorf("statement log = %v", log)
	}
}

func TestTransactions(t *testing.T) {
	t.Parallel()
	db := newWorld(t, nil).open(t, nil)
	mustExec(t, db, "create table tx (n number)")
	for _, commit := range []bool{false, true} {
		tx, err := db.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		mustExec(t, tx, "insert into tx values (1)")
		end := map[bool]func() error{true: tx.Commit, false: tx.Rollback}[commit]
		if err := end(); err != nil {
			t.Fatal(err)
		}
		want := map[bool]string{true: "1", false: "0"}[commit]
		if diff := cmp.Diff([][]string{{want}}, texts(t, db, "select count(*) from tx")); diff != "" {
			t.Errorf("commit %t (-want +got):\n%s", commit, diff)
		}
	}
}

func TestUnauthorisedRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for token, want := range map[string]string{"": "390101", `Snowflake Token="made-up"`: "390104"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+w.sandbox.Addr()+"/queries/v1/query-request", nil)
		if err != nil {
			t.Fatal(err)
		}
		if token != "" {
			req.Header.Set("Authorization", token)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		var out struct{ Code string }
		err = errors.Join(json.NewDecoder(resp.Body).Decode(&out), resp.Body.Close())
		if err != nil || out.Code != want {
			t.Errorf("token %q: code %q, %v, want %s", token, out.Code, err, want)
		}
	}
}

func TestARetriedRequestJoinsItsStatement(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	db := w.open(t, nil)
	mustExec(t, db, "create table once (n number)")
	token := w.login(t)
	send := func() map[string]any {
		return w.post(t, "/queries/v1/query-request?requestId=11111111-2222-3333-4444-555555555555", token,
			map[string]any{"sqlText": "insert into shop.public.once values (1)"})
	}
	first, second := send(), send()
	if first["queryId"] == nil || first["queryId"] != second["queryId"] {
		t.Errorf("query ids of one request = %v and %v", first["queryId"], second["queryId"])
	}
	if diff := cmp.Diff([][]string{{"1"}}, texts(t, db, "select count(*) from once")); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func (w *world) login(t *testing.T) string {
	t.Helper()
	data := w.post(t, "/session/v1/login-request", "", map[string]any{"data": map[string]any{
		"ACCOUNT_NAME": w.cfg.Account, "LOGIN_NAME": w.cfg.User, "PASSWORD": string(w.cfg.Password),
	}})
	token, ok := data["token"].(string)
	if !ok {
		t.Fatalf("login = %v", data)
	}
	return token
}

// post sends a request as a driver does and returns the data of the answer.
func (w *world) post(t *testing.T, path, token string, body any) map[string]any {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+w.sandbox.Addr()+path, bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", `Snowflake Token="`+token+`"`)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var out struct{ Data map[string]any }
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		t.Fatal(err)
	}
	return out.Data
}
