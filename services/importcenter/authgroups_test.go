package importcenter

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/access"
	"tapline.dev/services/importcenter/internal/signin"
)

func TestGroups(t *testing.T) {
	t.Parallel()
	c := OIDCConfig{
		Roles:     []string{"crm=editor", "people=viewer"},
		Selectors: []string{"crm=name:orders-*", "crm=name:customers", "crm=label:team=crm", "crm=label:stage=live"},
	}
	got, err := c.groups(access.Names{})
	want := []signin.Group{
		{Value: "crm", Role: access.Editor, Selector: &schemas.Selector{Names: []string{"orders-*", "customers"}, Labels: map[string]string{"team": "crm", "stage": "live"}}},
		{Value: "people", Role: access.Viewer},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for _, bad := range []string{"", "crm", "crm=", "crm=orders-*", "crm=name:", "crm=name:[", "crm=label:team", "crm=label:=crm", "crm=label:team=", "nobody=name:orders", "crm=label:stage=other"} {
		c.Selectors = []string{"crm=label:stage=live", bad}
		if _, err := c.groups(access.Names{}); err == nil {
			t.Errorf("%q is accepted: its people would reach every import", bad)
		}
	}
	c.Selectors, c.Roles = nil, []string{"crm=editor", "crm=viewer"}
	if _, err := c.groups(access.Names{}); err == nil || !strings.Contains(err.Error(), "second role") {
		t.Errorf("two roles of one group: %v", err)
	}
}

// TestPeopleWithASelector: who signs in is bounded to the imports of their group, in a
// browser and with a bearer token, and what was begun ends when the provider moves them.
func TestPeopleWithASelector(t *testing.T) {
	t.Parallel()
	c, p, browser := startWithOIDC(t, func(cfg *Config) {
		cfg.Auth.OIDC.RoleRefresh = time.Second
		cfg.Auth.OIDC.Scopes = append(cfg.Auth.OIDC.Scopes, "offline_access")
		cfg.Auth.OIDC.Roles = []string{"everything=editor", "tapline-editors=editor", "people=viewer"}
		cfg.Auth.OIDC.Selectors = []string{"tapline-editors=label:team=crm"}
	})
	admin := c.writeKey("admin", schemas.AccessKeySpec{Role: "admin"})
	orders := strings.Replace(customers, `{"name":"customers"}`, `{"name":"orders","labels":{"team":"crm"}}`, 1)
	if a := c.as(admin, "POST", "/v1/apply", `{"documents":[`+connection+","+account+","+customers+","+orders+`]}`); a.status != http.StatusOK {
		t.Fatalf("apply = %d %s", a.status, a.text)
	}
	get(t, browser, "GET", c.url+"/auth/login?return=/v1/caller")
	token := p.deviceToken(t)
	for path, want := range map[string]int{
		"/v1/imports/orders":           http.StatusOK,
		"/v1/imports/customers":        http.StatusForbidden,
		"/v1/rejects?import=customers": http.StatusForbidden,
		"/v1/imports/nothing":          http.StatusForbidden,
	} {
		if status, text, _ := get(t, browser, "GET", c.url+path); status != want {
			t.Errorf("in a browser %s = %d %s, want %d", path, status, text, want)
		}
		if status, text, _ := get(t, c.http, "GET", c.url+path, "Authorization", "Bearer "+token); status != want {
			t.Errorf("with a token %s = %d %s, want %d", path, status, text, want)
		}
	}
	stream, status := (&center{t: t, url: c.url, http: browser}).follow("/v1/imports/events")
	if next(t, stream); status != http.StatusOK {
		t.Fatalf("following = %d", status)
	}
	p.group("people", "everything")
	ends(t, "the stream of the bounded editor", stream)
	if status, text, _ := get(t, browser, "GET", c.url+"/v1/imports/customers"); status != http.StatusOK {
		t.Errorf("in a group without a selector = %d %s", status, text)
	}
}
