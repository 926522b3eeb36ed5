package client

import (
	"context"
	"net/http"
	"net/url"

	"tapline.dev/schemas"
)

// AccountTest is what asking a CleverTap account has shown.
type AccountTest struct {
	Account string `json:"account"`
	schemas.AccountTest
}

// TestAccount has a loader ask a CleverTap account. Nothing is stored there.
func (c *Client) TestAccount(ctx context.Context, name string) (AccountTest, error) {
	var out AccountTest
	return out, c.doWithin(ctx, previewTimeout, http.MethodPost, "/v1/accounts/"+url.PathEscape(name)+"/test", nil, nil, &out)
}
