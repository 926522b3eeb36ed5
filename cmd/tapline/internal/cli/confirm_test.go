package cli

import (
	"bytes"
	"net/http"
	"os"
	"strings"
	"testing"
)

const asks = `{"status":428,"code":"confirmation_required","detail":"nothing was done: …",
	"confirmation":{"confirm":"ct-prod","repeats":500,"sentences":["this is the first run of customers into ct-prod","500 events are stored a second time"]}}`

// asking answers with a run once a request has agreed to everything.
func asking(t *testing.T) (url string, started *int) {
	t.Helper()
	started = new(int)
	do := func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery != "confirm=ct-prod&repeats=500" {
			answer(428, asks)(w, r)
			return
		}
		*started++
		answer(202, `{"run":"customers.7","import":"customers","state":"extracting"}`)(w, r)
	}
	return center(t, map[string]http.HandlerFunc{
		"GET /v1/imports": answer(200, `{"items":[]}`), "POST /v1/imports/customers/runs": do, "POST /v1/imports/customers/reset": do,
	}), started
}

func TestProductionAsks(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		stdin   string
		args    []string
		code    int
		started int
		says    string
	}{
		"yes":       {"yes\n", []string{"run", "customers"}, ExitDone, 1, "customers.7"},
		"no":        {"no\n", []string{"run", "customers"}, ExitFailed, 0, "nothing was started; --yes"},
		"nothing":   {"", []string{"reset", "customers"}, ExitFailed, 0, "nothing was reset; --yes"},
		"not asked": {"", []string{"run", "customers", "--yes"}, ExitDone, 1, "500 events are stored a second time"},
		"a reset":   {"y", []string{"reset", "customers"}, ExitDone, 1, "first run of customers into ct-prod"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, started := asking(t)
			r := tapline(t, c.stdin, append(c.args, "--server", url)...)
			if r.code != c.code || *started != c.started || !strings.Contains(r.out+r.err, c.says) {
				t.Errorf("exit code %d after %d commands: %+v", r.code, *started, r)
			}
			if strings.Contains(r.err, "continue nevertheless?") == (name == "not asked") {
				t.Errorf("asked or not: %q", r.err)
			}
		})
	}
}

// TestAPipeIsNotAsked: what was written into a pipe before the question is no answer
// to it.
func TestAPipeIsNotAsked(t *testing.T) {
	t.Parallel()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = read.Close() }()
	if _, err := write.WriteString("yes\n"); err != nil {
		t.Fatal(err)
	}
	if err := write.Close(); err != nil {
		t.Fatal(err)
	}
	url, started := asking(t)
	var out, errs bytes.Buffer
	code := Main(t.Context(), []string{"run", "customers", "--server", url}, IO{In: read, Out: &out, Err: &errs})
	if code != ExitFailed || *started != 0 || !strings.HasSuffix(errs.String(), "--yes continues without asking\n") {
		t.Errorf("exit code %d after %d commands: %s", code, *started, errs.String())
	}
}

// TestFiguresThatRise: a server that asks again and again is not agreed to without
// end.
func TestFiguresThatRise(t *testing.T) {
	t.Parallel()
	asked := 0
	url := center(t, map[string]http.HandlerFunc{"POST /v1/imports/customers/reset": func(w http.ResponseWriter, r *http.Request) {
		asked++
		answer(428, asks)(w, r)
	}})
	if r := tapline(t, "", "reset", "customers", "--yes", "--server", url); r.code != ExitFailed || asked != questions+1 {
		t.Errorf("asked %d times: %+v", asked, r)
	}
}
