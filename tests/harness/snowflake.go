package harness

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"
)

// Warehouse is a session of the sandbox Snowflake, for changing what imports read.
type Warehouse struct {
	c     *Cluster
	token string
	next  int
}

// Warehouse logs in.
func (c *Cluster) Warehouse(t testing.TB) *Warehouse {
	t.Helper()
	w := &Warehouse{c: c}
	w.login(t)
	return w
}

func (w *Warehouse) login(t testing.TB) {
	t.Helper()
	s := w.c.Endpoints.Snowflake
	w.token = ""
	var answer struct {
		Success bool
		Message string
		Data    struct{ Token string }
	}
	err := w.post("/session/v1/login-request", map[string]any{"data": map[string]any{
		"ACCOUNT_NAME": s.Account, "LOGIN_NAME": s.User, "PASSWORD": s.Password,
	}}, &answer)
	if err != nil || !answer.Success {
		t.Fatalf("logging in to the sandbox Snowflake: %v %s", err, answer.Message)
	}
	w.token = answer.Data.Token
}

// sessionExpired is Snowflake's code for a session that has lasted for as long as it may.
const sessionExpired = "390112"

// Exec runs a statement, in a new session if the former one has expired.
func (w *Warehouse) Exec(t testing.TB, sql string) {
	t.Helper()
	type result struct {
		Success       bool
		Code, Message string
	}
	run := func() (answer result, err error) {
		w.next++
		path := fmt.Sprintf("/queries/v1/query-request?requestId=00000000-0000-4000-8000-%08x%04x", time.Now().UnixMilli()&0xffffffff, w.next&0xffff)
		err = w.post(path, map[string]any{"sqlText": sql}, &answer)
		return answer, err
	}
	answer, err := run()
	if err == nil && answer.Code == sessionExpired {
		w.login(t)
		answer, err = run()
	}
	if err != nil || !answer.Success {
		t.Fatalf("%.200s: %v %s", sql, err, answer.Message)
	}
}

func (w *Warehouse) post(path string, body, answer any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequest(http.MethodPost, w.c.Endpoints.Snowflake.URL+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	if w.token != "" {
		req.Header.Set("Authorization", `Snowflake Token="`+w.token+`"`)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("POST %s: %s", path, res.Status)
	}
	return json.NewDecoder(res.Body).Decode(answer)
}

// Statements are the texts that the sandbox Snowflake was given.
func (c *Cluster) Statements(t testing.TB) (out []string) {
	t.Helper()
	var answer struct{ Items []struct{ Text string } }
	if err := get(c.Endpoints.Snowflake.URL+"/sandbox/v1/queries", &answer); err != nil {
		t.Fatal(err)
	}
	for _, q := range answer.Items {
		out = append(out, q.Text)
	}
	return out
}
