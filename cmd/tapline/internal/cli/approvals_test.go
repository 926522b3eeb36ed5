package cli

import (
	"net/http"
	"strings"
	"testing"
)

func TestApprovals(t *testing.T) {
	t.Parallel()
	const waits = `{"name":"customers-1f2e3d4c","action":"reset","imports":["customers"],"by":"key:maya\u001b[2J","role":"operator","since":"2026-11-29T10:00:00Z","expiresAt":"2026-12-02T10:00:00Z"}`
	url := center(t, map[string]http.HandlerFunc{
		"GET /v1/approvals":                             answer(200, `{"items":[`+waits+`]}`),
		"GET /v1/approvals/customers-1f2e3d4c":          answer(200, waits),
		"POST /v1/approvals/customers-1f2e3d4c/approve": answer(200, waits),
		"POST /v1/approvals/customers-1f2e3d4c/decline": answer(204, ""),
		"POST /v1/approvals/mine/approve":               answer(403, `{"status":403,"code":"forbidden","detail":"you have asked for this yourself"}`),
		"GET /v1/imports":                               answer(200, `{"items":[{"import":"customers","status":"Ready","approvals":[{"name":"customers-1f2e3d4c"}]}]}`),
		"POST /v1/imports/customers/reset":              answer(409, `{"status":409,"code":"approval_required","detail":"nothing was done yet: it waits as customers-1f2e3d4c","approval":"customers-1f2e3d4c"}`),
	})
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"list":        {[]string{"approvals", "list"}, ExitDone, "customers-1f2e3d4c"},
		"show":        {[]string{"approvals", "show", "customers-1f2e3d4c"}, ExitDone, `"action": "reset"`},
		"approve":     {[]string{"approvals", "approve", "customers-1f2e3d4c"}, ExitDone, "the reset of customers that key:maya"},
		"decline":     {[]string{"approvals", "decline", "customers-1f2e3d4c"}, ExitDone, "nothing of it was done"},
		"one's own":   {[]string{"approvals", "approve", "mine"}, ExitFailed, "you have asked for this yourself"},
		"the listing": {[]string{"get", "imports"}, ExitDone, "Ready, 1 to approve"},
		"it waits":    {[]string{"reset", "customers"}, ExitFailed, "it waits as customers-1f2e3d4c"},
	} {
		r := tapline(t, "", append(c.args, "--server", url)...)
		if r.code != c.code || !strings.Contains(r.out+r.err, c.says) || strings.Contains(r.out+r.err, "\x1b") {
			t.Errorf("%s: %+v", name, r)
		}
	}
}
