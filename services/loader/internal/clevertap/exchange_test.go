package clevertap

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// exchange is a file of testdata/exchanges: what was sent, what CleverTap (or
// something in front of it) answered, and the one right reading of it.
type exchange struct {
	Note    string
	Records []string
	Answer  struct {
		Status  int
		Headers map[string]string
		Body    string
	}
	Want struct {
		Kind       string
		Outcomes   []outcomeText
		Cause      string
		RetryAfter string
	}
}

type outcomeText struct{ Verdict, Code, Reason string }

func TestExchanges(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/exchanges/*.json")
	if err != nil || len(files) < 50 {
		t.Fatalf("found %d exchanges, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			t.Parallel()
			x := readExchange(t, file)
			c, received := x.serve(t)
			got, err := c.Upload(t.Context(), raw(x.Records), false)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(`{"d":[`+strings.Join(x.Records, ",")+`]}`, <-received); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
			x.check(t, got)
		})
	}
}

func (x exchange) serve(t *testing.T) (*Client, <-chan string) {
	t.Helper()
	received := make(chan string, 2)
	c := serve(t, Account{}, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("reading the upload: %v", err)
		}
		received <- string(body)
		for name, value := range x.Answer.Headers {
			w.Header().Set(name, value)
		}
		w.WriteHeader(x.Answer.Status)
		_, _ = io.WriteString(w, x.Answer.Body)
	})
	return c, received
}

func (x exchange) check(t *testing.T, got Result) {
	t.Helper()
	if got.Kind.String() != x.Want.Kind || got.Cause != x.Want.Cause {
		t.Errorf("got %s, cause %q; want %s, %q", got.Kind, got.Cause, x.Want.Kind, x.Want.Cause)
	}
	if got.Status != x.Answer.Status {
		t.Errorf("status %d, want %d", got.Status, x.Answer.Status)
	}
	wait := x.Want.RetryAfter
	if wait == "" {
		wait = "0s"
	}
	if got.RetryAfter.String() != wait {
		t.Errorf("retry after %s, want %s", got.RetryAfter, wait)
	}
	var outcomes []outcomeText
	for _, o := range got.Outcomes {
		outcomes = append(outcomes, outcomeText{o.Verdict.String(), o.Code, o.Reason})
	}
	if diff := cmp.Diff(x.Want.Outcomes, outcomes); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
}

func readExchange(t *testing.T, file string) exchange {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var x exchange
	d := json.NewDecoder(strings.NewReader(string(data)))
	d.DisallowUnknownFields()
	if err := d.Decode(&x); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return x
}

// serve starts a server and a client of it.
func serve(t *testing.T, acc Account, handler http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return client(t, acc, server.URL)
}

func client(t *testing.T, acc Account, endpoint string) *Client {
	t.Helper()
	acc.Endpoint, acc.AccountID, acc.Passcode = endpoint, "ACC", "PASS"
	c := NewClient(acc)
	t.Cleanup(c.Close)
	return c
}

func raw(records []string) [][]byte {
	out := make([][]byte, len(records))
	for i, r := range records {
		out[i] = []byte(r)
	}
	return out
}
