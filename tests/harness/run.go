package harness

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"tapline.dev/schemas"
)

// Trigger asks for a run and returns its name.
func (c *Cluster) Trigger(t testing.TB, importName string) string {
	t.Helper()
	out, code := c.CLI(t, "run", importName, "-o", "json")
	var run schemas.Run
	if err := json.Unmarshal([]byte(out), &run); err != nil || code != 0 {
		t.Fatalf("tapline run %s: exit code %d, %v\n%s", importName, code, err, out)
	}
	return run.Run
}

// Run returns a run as the API shows it, or false while it does not.
func (c *Cluster) Run(t testing.TB, name string) (schemas.Run, bool) {
	t.Helper()
	var run schemas.Run
	return run, get(c.Endpoints.ImportCenter+"/v1/runs/"+name, &run) == nil
}

// Await waits until a run fulfils a condition.
func (c *Cluster) Await(t testing.TB, name string, within time.Duration, what string, condition func(schemas.Run) bool) schemas.Run {
	t.Helper()
	deadline := time.Now().Add(within)
	for {
		run, ok := c.Run(t, name)
		if ok && condition(run) {
			return run
		}
		if time.Now().After(deadline) {
			text, _ := json.Marshal(run)
			t.Fatalf("not within %s: %s; the run is %s", within, what, text)
		}
		time.Sleep(20 * time.Millisecond) // between looks at the condition
	}
}

// Close waits until a run has ended.
func (c *Cluster) Close(t testing.TB, name string, within time.Duration) schemas.Run {
	t.Helper()
	return c.Await(t, name, within, name+" is over", func(r schemas.Run) bool { return schemas.Terminal(r.State) })
}

// Stats are the sandbox CleverTap's.
type Stats struct {
	Profiles, Events, Uploads, Records, Duplicates, Refused, InFlight, MaxInFlight int64
}

// Stats asks the sandbox CleverTap what it has received.
func (c *Cluster) Stats(t testing.TB) Stats {
	t.Helper()
	var s Stats
	if err := get(c.Endpoints.CleverTap.URL+"/sandbox/v1/stats", &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// Upload is a request that the sandbox CleverTap has answered.
type Upload struct {
	Time    time.Time `json:"time"` // of its arrival
	DryRun  bool      `json:"dryRun"`
	Records int       `json:"records"`
}

// Uploads returns the newest requests that the sandbox CleverTap has answered.
func (c *Cluster) Uploads(t testing.TB) []Upload {
	t.Helper()
	var answer struct{ Items []Upload }
	if err := get(c.Endpoints.CleverTap.URL+"/sandbox/v1/requests", &answer); err != nil {
		t.Fatal(err)
	}
	return answer.Items
}

// Faults sets faults of the sandbox CleverTap; body is JSON.
func (c *Cluster) Faults(t testing.TB, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, c.Endpoints.CleverTap.URL+"/sandbox/v1/faults", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode/100 != 2 {
		text, _ := io.ReadAll(res.Body)
		t.Fatalf("setting faults: %s: %s", res.Status, text)
	}
}

// Profiles returns every profile that the sandbox CleverTap holds, by identity.
func (c *Cluster) Profiles(t testing.TB) map[string]map[string]any {
	t.Helper()
	out := map[string]map[string]any{}
	err := lines(c.Endpoints.CleverTap.URL+"/sandbox/v1/profiles", func(line []byte) error {
		var p struct {
			Identity    string         `json:"identity"`
			ProfileData map[string]any `json:"profileData"`
		}
		if err := json.Unmarshal(line, &p); err != nil {
			return err
		}
		out[p.Identity] = p.ProfileData
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Ready reports whether a service's readiness endpoint says that it is ready.
func Ready(admin string) bool {
	res, err := http.Get(admin + "/readyz")
	if err != nil {
		return false
	}
	_ = res.Body.Close()
	return res.StatusCode == http.StatusOK
}

func get(url string, into any) error {
	res, err := http.Get(url)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", url, res.Status)
	}
	return json.NewDecoder(res.Body).Decode(into)
}

func lines(url string, fn func([]byte) error) error {
	res, err := http.Get(url)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	decoder := json.NewDecoder(res.Body)
	for {
		var raw json.RawMessage
		if err := decoder.Decode(&raw); err == io.EOF {
			return nil
		} else if err != nil {
			return fmt.Errorf("GET %s: %w", url, err)
		}
		if err := fn(raw); err != nil {
			return err
		}
	}
}
