package server

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"tapline.dev/sandbox/internal/clevertap/account"
)

func testConfig() account.Config {
	return account.Config{
		AccountID: "ACC", Passcode: "PASS", Slots: 15, ProfileSlots: 3, RecordsPerUpload: 1000,
		MaxBodyBytes: 1 << 20, EventProperties: 100, Store: true, History: 4, Requests: 100,
	}
}

// rig is a stand-in behind a real listener.
type rig struct {
	t      *testing.T
	server *Server
	http   *httptest.Server
}

func newRig(t *testing.T, cfg account.Config) *rig {
	t.Helper()
	s := New(cfg)
	h := httptest.NewServer(s)
	t.Cleanup(func() {
		s.Stop()
		h.Close()
	})
	return &rig{t: t, server: s, http: h}
}

func (r *rig) request(method, path, body string) *http.Request {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.http.URL+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("X-CleverTap-Account-Id", "ACC")
	req.Header.Set("X-CleverTap-Passcode", "PASS")
	req.Header.Set("Content-Type", "application/json")
	return req
}

func (r *rig) do(req *http.Request) (int, string) {
	r.t.Helper()
	res, err := r.client().Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

func (r *rig) client() *http.Client {
	c := *r.http.Client()
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &c
}

func (r *rig) upload(records ...string) (int, string) {
	r.t.Helper()
	return r.do(r.request("POST", "/1/upload", `{"d":[`+strings.Join(records, ",")+`]}`))
}

func (r *rig) mustUpload(records ...string) {
	r.t.Helper()
	if _, body := r.upload(records...); !strings.HasPrefix(body, `{ "status" : "success"`) {
		r.t.Fatalf("upload was answered %s", body)
	}
}

func (r *rig) faults(body string) {
	r.t.Helper()
	if status, answer := r.do(r.request("PUT", "/sandbox/v1/faults", body)); status != 200 {
		r.t.Fatalf("faults were answered %d %s", status, answer)
	}
}

func (r *rig) get(path string) string {
	r.t.Helper()
	status, body := r.do(r.request("GET", path, ""))
	if status != 200 {
		r.t.Fatalf("GET %s was answered %d %s", path, status, body)
	}
	return body
}

// data is the profileData of an identity as a value.
func (r *rig) data(identity string) any {
	r.t.Helper()
	var view struct{ ProfileData any }
	if err := json.Unmarshal([]byte(r.get("/sandbox/v1/profiles/"+identity)), &view); err != nil {
		r.t.Fatal(err)
	}
	return view.ProfileData
}

func waitFor(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("waited too long for %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}
