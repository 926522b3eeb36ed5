package importcenter

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/schemas"
)

// raw sends bytes as they are and returns the answers. It waits for so many of them and
// then looks whether there is another one.
func (c *center) raw(text string, answers int) (statuses []int, bodies string) {
	c.t.Helper()
	conn, err := (&net.Dialer{}).DialContext(c.t.Context(), "tcp", strings.TrimPrefix(c.url, "http://"))
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second)) // a connection that is just open takes any deadline
	if _, err := io.WriteString(conn, text); err != nil {
		c.t.Fatal(err)
	}
	in := bufio.NewReader(conn)
	for n := range answers + 1 {
		if n == answers {
			_ = conn.SetReadDeadline(time.Now().Add(300 * time.Millisecond)) // there is to be none
		}
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			break
		}
		body, _ := io.ReadAll(res.Body) // what came before the connection was closed
		_ = res.Body.Close()
		statuses, bodies = append(statuses, res.StatusCode), bodies+string(body)
	}
	return statuses, bodies
}

// TestSmuggledRequests: what hides a second request, another host, another method or
// another path in one request gets a refusal, or the answer that the caller may have
// anyway. Nothing is changed, and no key is listed.
func TestSmuggledRequests(t *testing.T) {
	t.Parallel()
	c := startWithKeys(t)
	admin := c.writeKey("admin", schemas.AccessKeySpec{Role: "admin"})
	viewer := c.writeKey("viewer", schemas.AccessKeySpec{Role: "viewer"})
	if a := c.as(admin, "POST", "/v1/apply", `{"documents":[`+connection+","+account+","+customers+`]}`); a.status != http.StatusOK {
		t.Fatalf("apply = %d %s", a.status, a.text)
	}
	written := c.written()
	own := "Authorization: Bearer " + viewer + "\r\n"
	const host = "Host: localhost\r\n"
	hidden := "GET /v1/keys HTTP/1.1\r\n" + host + "\r\n"
	pause := "POST /v1/imports/customers/pause HTTP/1.1\r\n" + host
	sized := func(headers, body string) string {
		return pause + own + "Content-Type: application/json\r\n" + headers + "\r\n" + body
	}
	for name, r := range map[string]struct {
		text string
		want string // the statuses of the answers
	}{
		"a length beside chunks, a request behind": {sized("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"+hidden), "403 401"},
		"a length beside chunks, a request inside": {sized("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(hidden), hidden)), "403"},
		"two lengths":                                {sized("Content-Length: 0\r\nContent-Length: 60\r\n", hidden), "400"},
		"two lengths in one line":                    {sized("Content-Length: 0, 60\r\n", hidden), "400"},
		"a length with a sign":                       {sized("Content-Length: +0\r\n", hidden), "400"},
		"a negative length":                          {sized("Content-Length: -1\r\n", hidden), "400"},
		"a transfer encoding that is none":           {sized("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"), "501"},
		"chunked and something":                      {sized("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n"), "501"},
		"two transfer encodings":                     {sized("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "0\r\n\r\n"), "501"},
		"a blank before the colon":                   {sized("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"+hidden), "400"},
		"a length hidden in a folded line":           {sized("X-Note: a\r\n Content-Length: 60\r\n", hidden), "403 401"},
		"a NUL in a header":                          {"GET /v1/keys HTTP/1.1\r\n" + host + "X-Note: a\x00b\r\n\r\n", "400"},
		"two hosts":                                  {"GET /v1/imports HTTP/1.1\r\n" + host + "Host: evil.example\r\n" + own + "Connection: close\r\n\r\n", "400"},
		"a folded host":                              {"GET /v1/imports HTTP/1.1\r\nHost: evil.example\r\n localhost\r\n" + own + "Connection: close\r\n\r\n", "400"},
		"no host":                                    {"GET /v1/imports HTTP/1.1\r\n" + own + "Connection: close\r\n\r\n", "400"},
		"no host in HTTP/1.0":                        {"GET /v1/imports HTTP/1.0\r\n" + own + "Connection: close\r\n\r\n", "421"},
		"HTTP/1.0 with a host":                       {"GET /v1/keys HTTP/1.0\r\n" + host + own + "Connection: close\r\n\r\n", "403"},
		"HTTP/0.9":                                   {"GET /v1/keys\r\n\r\n", "400"},
		"HTTP/3.0":                                   {"GET /v1/keys HTTP/3.0\r\n" + host + own + "Connection: close\r\n\r\n", "505"},
		"another host in absolute form":              {"GET http://evil.example/v1/imports HTTP/1.1\r\n" + host + own + "Connection: close\r\n\r\n", "421"},
		"own host in absolute form, another beside":  {"GET http://localhost/v1/keys HTTP/1.1\r\nHost: evil.example\r\n" + own + "Connection: close\r\n\r\n", "403"},
		"another's name in X-Forwarded-Host":         {"GET /v1/imports HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: localhost\r\nForwarded: host=localhost\r\n" + own + "Connection: close\r\n\r\n", "421"},
		"an address of loopback in X-Forwarded-For":  {"GET /v1/keys HTTP/1.1\r\n" + host + "X-Forwarded-For: 127.0.0.1\r\nX-Real-IP: 127.0.0.1\r\n\r\n", "401"},
		"a method that a header overrides":           {"POST /v1/imports/customers/pause HTTP/1.1\r\n" + host + own + "X-HTTP-Method-Override: GET\r\nX-Method-Override: GET\r\nX-HTTP-Method: GET\r\nContent-Length: 0\r\n\r\n", "403"},
		"a method that a header and a query replace": {"GET /v1/runs?_method=DELETE HTTP/1.1\r\n" + host + own + "X-HTTP-Method-Override: DELETE\r\n\r\n", "422"},
		"a path that a header replaces":              {"GET /v1/sign-in HTTP/1.1\r\n" + host + "X-Original-URL: /v1/keys\r\nX-Rewrite-URL: /v1/keys\r\n\r\n", "200"},
		"a method in small letters":                  {"get /v1/keys HTTP/1.1\r\n" + host + own + "Connection: close\r\n\r\n", "405"},
		"TRACE":                                      {"TRACE /v1/keys HTTP/1.1\r\n" + host + own + "Connection: close\r\n\r\n", "405"},
		"CONNECT":                                    {"CONNECT localhost:9092 HTTP/1.1\r\n" + host + own + "Connection: close\r\n\r\n", "404"},
		"an upgrade to HTTP/2":                       {"GET /v1/keys HTTP/1.1\r\n" + host + own + "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n", "403"},
		"a chunk whose size is none":                 {sized("Transfer-Encoding: chunked\r\n", "0x2\r\n{}\r\n0\r\n\r\n"), "403"},
		"lines that end without a carriage return":   {strings.ReplaceAll("GET /v1/keys HTTP/1.1\r\n"+host+own+"\r\n", "\r\n", "\n"), "403"},
		"a credential in a folded line":              {"GET /v1/keys HTTP/1.1\r\n" + host + "Authorization: Bearer\r\n " + viewer + "\r\n\r\n", "403"},
		"two credentials":                            {"GET /v1/keys HTTP/1.1\r\n" + host + own + "Authorization: Bearer " + admin + "\r\n\r\n", "401"},
		"a path with a dot segment":                  {"GET /v1/imports/../keys HTTP/1.1\r\n" + host + own + "Connection: close\r\n\r\n", "404"},
		"an encoded dot segment":                     {"GET /v1/imports/%2e%2e/keys HTTP/1.1\r\n" + host + own + "Connection: close\r\n\r\n", "404"},
		"a doubled slash":                            {"GET //v1/keys HTTP/1.1\r\n" + host + own + "Connection: close\r\n\r\n", "404"},
		"capitals in the path":                       {"GET /V1/keys HTTP/1.1\r\n" + host + own + "Connection: close\r\n\r\n", "404"},
		"a parameter in the path":                    {"GET /v1/keys;x=y HTTP/1.1\r\n" + host + own + "Connection: close\r\n\r\n", "404"},
	} {
		statuses, bodies := c.raw(r.text, len(strings.Fields(r.want)))
		if got := strings.Trim(fmt.Sprint(statuses), "[]"); got != r.want {
			t.Errorf("%s: %s, want %s\n%.300s", name, got, r.want, bodies)
		}
		if strings.Contains(bodies, `"role"`) {
			t.Errorf("%s lists keys: %.300s", name, bodies)
		}
	}
	if diff := cmp.Diff(written, c.written()); diff != "" {
		t.Errorf("something was written (-before +after):\n%s", diff)
	}
}
