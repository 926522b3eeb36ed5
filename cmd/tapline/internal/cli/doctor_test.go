package cli

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"tapline.dev/cmd/tapline/internal/client"
	"tapline.dev/libs/daemon"
	"tapline.dev/schemas"
)

// TestDoctor: the exit code follows the worst finding, each finding says what to do, and
// what fails hides nothing that comes after it.
func TestDoctor(t *testing.T) {
	t.Parallel()
	long := time.Now().Add(-time.Hour)
	answer := func(v any) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(v) }
	}
	named := func(name string) client.List[schemas.Resource] {
		return client.List[schemas.Resource]{Items: []schemas.Resource{{Metadata: schemas.Metadata{Name: name}}}}
	}
	healthy := func() map[string]http.HandlerFunc {
		return map[string]http.HandlerFunc{
			"GET /v1/deployment": func(w http.ResponseWriter, _ *http.Request) {
				_ = json.NewEncoder(w).Encode(client.Deployment{Version: daemon.Version(), Now: time.Now(), Checks: []schemas.Check{{Name: "kafka", State: schemas.CheckOK, Finding: "3 brokers"}}})
			},
			"POST /v1/deployment/clocks":          answer(map[string]any{"checks": []schemas.Check{{Name: "mapper clock", State: schemas.CheckOK, Finding: "agrees"}}}),
			"GET /v1/connections":                 answer(named("warehouse")),
			"GET /v1/accounts":                    answer(named("main")),
			"POST /v1/connections/warehouse/test": answer(client.ConnectionTest{ConnectionTest: schemas.ConnectionTest{User: "U", Role: "R", Warehouse: "W", Privileges: []string{}}}),
			"POST /v1/accounts/main/test":         answer(client.AccountTest{AccountTest: schemas.AccountTest{Checks: []schemas.Check{{Name: "credentials", State: schemas.CheckOK, Finding: "accepted"}}}}),
			"GET /v1/imports":                     answer(client.List[schemas.Listing]{Items: []schemas.Listing{{Import: "a", Status: "Paused", NextRunAt: &long}}}),
		}
	}
	for name, c := range map[string]struct {
		path    string
		handler http.HandlerFunc
		code    int
		says    []string
	}{
		"all is well": {"", nil, ExitDone, []string{"kafka", "nothing beyond USAGE and SELECT", "account main: credentials", "none of 1 is late", "mapper clock"}},
		"a privilege": {"POST /v1/connections/warehouse/test", answer(client.ConnectionTest{ConnectionTest: schemas.ConnectionTest{Warehouse: "W", Privileges: []string{"INSERT on TABLE T"}}}), ExitWarnings, []string{"INSERT on TABLE T", "revoke it", "accepted"}},
		"clocks":      {"POST /v1/connections/warehouse/test", answer(client.ConnectionTest{ConnectionTest: schemas.ConnectionTest{Warehouse: "W", SkewMillis: -60000}}), ExitWarnings, []string{"differ by 1m0s", "NTP"}},
		"no sign-in": {"POST /v1/connections/warehouse/test", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(422)
			_, _ = w.Write([]byte(`{"status":422,"code":"snowflake_auth","detail":"Snowflake refused the key pair"}`))
		}, ExitFailed, []string{"refused the key pair", "tapline connection test warehouse", "accepted", "none of 1 is late"}},
		"a warehouse that stays suspended": {"POST /v1/connections/warehouse/test", answer(client.ConnectionTest{ConnectionTest: schemas.ConnectionTest{Warehouse: "W", WarehouseState: "SUSPENDED", WarehouseStays: true}}), ExitFailed, []string{"does not resume by itself", "AUTO_RESUME"}},
		"a warehouse":                      {"POST /v1/connections/warehouse/test", answer(client.ConnectionTest{ConnectionTest: schemas.ConnectionTest{Warehouse: "W", WarehouseState: "SUSPENDED", WarehouseSize: "X-Small"}}), ExitDone, []string{"W, X-Small, suspended"}},
		"no warehouse":                     {"POST /v1/connections/warehouse/test", answer(client.ConnectionTest{}), ExitFailed, []string{"none is active"}},
		"a passcode":                       {"POST /v1/accounts/main/test", answer(client.AccountTest{AccountTest: schemas.AccountTest{Checks: []schemas.Check{{Name: "credentials", State: schemas.CheckFailed, Finding: "refused", Action: "look"}}}}), ExitFailed, []string{"account main: credentials: look", "none of 1 is late"}},
		"a late import":                    {"GET /v1/imports", answer(client.List[schemas.Listing]{Items: []schemas.Listing{{Import: "late", Status: "Scheduled", NextRunAt: &long}}}), ExitFailed, []string{"import late", "look for a scheduler"}},
		"not seen":                         {"GET /v1/deployment", answer(client.Deployment{Version: daemon.Version(), Now: time.Now(), Checks: []schemas.Check{{Name: "services", State: schemas.CheckUnknown, Finding: "f", Action: "allow it"}}}), ExitWarnings, []string{"allow it", "accepted"}},
		"a mapper's clock":                 {"POST /v1/deployment/clocks", answer(map[string]any{"checks": []schemas.Check{{Name: "mapper clock", State: schemas.CheckWarning, Finding: "1m0s behind Import Center's", Action: "set both by NTP"}}}), ExitWarnings, []string{"mapper clock", "1m0s behind", "accepted"}},
		"an older server": {"POST /v1/deployment/clocks", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(404)
			_, _ = w.Write([]byte(`{"status":404,"code":"not_found","detail":"there is nothing here"}`))
		}, ExitWarnings, []string{"schedulers and mappers were not asked", "accepted"}},
		"another clock": {"GET /v1/deployment", answer(client.Deployment{Version: daemon.Version(), Now: long}), ExitWarnings, []string{"differs from Import Center's by 1h"}},
		"a version":     {"GET /v1/deployment", answer(client.Deployment{Version: "0.0.1", Now: time.Now()}), ExitWarnings, []string{"its version is 0.0.1"}},
		"no server": {"GET /v1/deployment", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(503)
			_, _ = w.Write([]byte(`{"status":503,"detail":"Kafka is away"}`))
		}, ExitFailed, []string{"Kafka is away"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			handlers := healthy()
			if c.path != "" {
				handlers[c.path] = c.handler
			}
			r := tapline(t, "", "--server", center(t, handlers), "doctor")
			if r.code != c.code {
				t.Errorf("exit code %d, want %d\n%s\n%s", r.code, c.code, r.out, r.err)
			}
			for _, want := range c.says {
				if !strings.Contains(r.out+r.err, want) {
					t.Errorf("%q is not in\n%s\n%s", want, r.out, r.err)
				}
			}
		})
	}
	r := tapline(t, "", "--server", center(t, healthy()), "doctor", "-o", "json")
	var d diagnosis
	if err := json.Unmarshal([]byte(r.out), &d); err != nil || len(d.Checks) < 8 || r.code != ExitDone {
		t.Errorf("%+v: %v", r, err)
	}
}
