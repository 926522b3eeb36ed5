package importcenter

import (
	"encoding/json"
	"net/http"
	"testing"

	"tapline.dev/schemas"
)

// TestDeployment: what is there is found, what is missing is said, and no finding hides
// another.
func TestDeployment(t *testing.T) {
	t.Parallel()
	c := startWith(t, func(*Config) {})
	got := c.do("GET", "/v1/deployment", "")
	var found struct {
		Version string          `json:"version"`
		Checks  []schemas.Check `json:"checks"`
	}
	if err := json.Unmarshal([]byte(got.text), &found); err != nil || got.status != http.StatusOK || found.Version == "" {
		t.Fatalf("%d %s: %v", got.status, got.text, err)
	}
	states := map[string][]schemas.Check{}
	for _, check := range found.Checks {
		states[check.Name] = append(states[check.Name], check)
		if check.Finding == "" || check.State != schemas.CheckOK && check.State != schemas.CheckUnknown && check.Action == "" {
			t.Errorf("it says nothing to do: %+v", check)
		}
	}
	for name, state := range map[string]string{
		// One broker, no ACLs, and no service but this one.
		"kafka": "", "kafka topics": "", "kafka rights": schemas.CheckWarning, "redis": schemas.CheckOK, "redis clock": schemas.CheckOK,
		"scheduler": schemas.CheckFailed, "extractor": schemas.CheckFailed, "mapper": schemas.CheckFailed, "loader": schemas.CheckFailed,
	} {
		if len(states[name]) == 0 || state != "" && states[name][0].State != state {
			t.Errorf("%s is %+v, want %q", name, states[name], state)
		}
	}
}

func TestNewer(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]bool{"v4.2": false, "v4.3": true, "v5.0": true, "v3.9": false, "at least v4.4": true, "unknown": false, "": false} {
		if got := newer(version); got != want {
			t.Errorf("newer(%q) = %t", version, got)
		}
	}
}
