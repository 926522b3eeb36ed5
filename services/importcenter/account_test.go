package importcenter

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"tapline.dev/schemas"
)

// TestAccountTest: the question goes out as a command of the account, and the answer comes
// back check by check, also where checks failed.
func TestAccountTest(t *testing.T) {
	t.Parallel()
	c := startWith(t, func(cfg *Config) { cfg.PreviewTimeout = 2 * time.Second })
	o := &oracle{answers: map[string]schemas.Report{"clevertap": {Kind: schemas.ReportAccount, Account: &schemas.AccountTest{Checks: []schemas.Check{
		{Name: "credentials", State: schemas.CheckFailed, Finding: "refused", Action: "look"},
		{Name: "clock", State: schemas.CheckOK, Finding: "right"},
	}}}}}
	o.listen(t, c)
	if got := c.do("POST", "/v1/accounts/nowhere/test", ""); got.status != http.StatusNotFound {
		t.Errorf("testing what is not applied = %d %s", got.status, got.text)
	}
	if got := c.do("POST", "/v1/apply", `{"documents":[`+account+`]}`); got.status != http.StatusOK {
		t.Fatalf("apply = %d %s", got.status, got.text)
	}
	got := c.do("POST", "/v1/accounts/clevertap/test", "")
	if got.status != http.StatusOK || !strings.Contains(got.text, `"state":"failed"`) || !strings.Contains(got.text, `"finding":"right"`) || !strings.Contains(got.text, `"account":"clevertap"`) {
		t.Errorf("account test = %d %s", got.status, got.text)
	}
	asked := o.commands()
	if len(asked) != 1 || asked[0].Kind != schemas.CommandTestAccount || asked[0].Spec.Destination.AccountRef != "clevertap" || !schemas.IsPreview(asked[0].Run) {
		t.Errorf("the question is %+v", asked)
	}
	o.mu.Lock()
	o.answers = nil
	o.mu.Unlock()
	if got := c.do("POST", "/v1/accounts/clevertap/test", ""); got.status != http.StatusGatewayTimeout || !strings.Contains(got.text, "no loader has answered") {
		t.Errorf("without a loader = %d %s", got.status, got.text)
	}
}
