package importcenter

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"tapline.dev/libs/config"
	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/api"
)

// ApprovalsConfig says which imports need two people.
type ApprovalsConfig struct {
	// Labels select the imports whose changes, approvals, resets and backfills wait
	// for a second person, each as key=value. An import that has one of them is
	// selected.
	Labels []string
	// Expiry is how long a change waits for its approval before it is dropped.
	Expiry time.Duration
}

func defaultApprovals() ApprovalsConfig { return ApprovalsConfig{Expiry: 72 * time.Hour} }

// Validate reports what cannot work.
func (c ApprovalsConfig) Validate() error {
	var errs []error
	if _, err := c.selectors(); err != nil {
		errs = append(errs, config.Bad("labels", "%s", err))
	}
	if c.Expiry < time.Minute || c.Expiry > 30*24*time.Hour {
		errs = append(errs, config.Bad("expiry", "must lie between 1m and 720h"))
	}
	return errors.Join(errs...)
}

func (c ApprovalsConfig) selectors() (out []schemas.Selector, err error) {
	for _, text := range c.Labels {
		key, value, ok := strings.Cut(text, "=")
		if !ok || key == "" {
			return nil, fmt.Errorf("%q is not key=value, such as tier=production", text)
		}
		out = append(out, schemas.Selector{Labels: map[string]string{key: value}})
	}
	return out, nil
}

// forAPI returns the configuration as the API takes it.
func (c ApprovalsConfig) forAPI() api.Approvals {
	selectors, _ := c.selectors() // Validate has refused what cannot be read
	return api.Approvals{Imports: selectors, Expiry: c.Expiry}
}

// approvalsNeedSignIn reports approvals that are configured although nobody signs
// in: the API could not tell the second person from the first.
func (c Config) approvalsNeedSignIn() error {
	if len(c.Approvals.Labels) == 0 || !c.Auth.has(authNone) {
		return nil
	}
	return config.Bad("approvals.labels", "need a second person, but with auth.mode none all callers look the same: set auth.mode to keys or oidc")
}
