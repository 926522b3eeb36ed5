package cli

import (
	"context"
	"errors"
	"time"

	"tapline.dev/cmd/tapline/internal/client"
	"tapline.dev/schemas"
)

// applyTestTimeout is how long apply waits for the answer to a test: it must not hold up
// whoever applies without an extractor or a loader.
const applyTestTimeout = 30 * time.Second

// testApplied tests the connections and accounts that an apply has made or changed, so
// that a key that Snowflake refuses, or a passcode that CleverTap does, shows before a run
// waits for it. What it finds is said, each check on a line, and undoes nothing.
func (a *app) testApplied(ctx context.Context, c *client.Client, applied []client.Applied) {
	for _, r := range applied {
		if r.Outcome == "unchanged" || r.Outcome == "removed" {
			continue
		}
		switch r.Kind {
		case schemas.KindSnowflakeConnection:
			a.sayTest(ctx, "connection", r.Name, func(ctx context.Context) ([]schemas.Check, error) {
				found, err := c.TestConnection(ctx, r.Name)
				if err != nil && !refusedBySnowflake(err) {
					return nil, err
				}
				return connectionChecks(r.Name, found, err), nil
			})
		case schemas.KindCleverTapAccount:
			a.sayTest(ctx, "account", r.Name, func(ctx context.Context) ([]schemas.Check, error) {
				found, err := c.TestAccount(ctx, r.Name)
				return found.Checks, err
			})
		}
	}
}

func (a *app) sayTest(ctx context.Context, kind, name string, test func(context.Context) ([]schemas.Check, error)) {
	ctx, cancel := context.WithTimeout(ctx, applyTestTimeout)
	defer cancel()
	checks, err := test(ctx)
	switch {
	case errors.Is(err, context.Canceled):
		return // interrupted; what was applied stands
	case err != nil:
		a.say("note: %s %s was not tested; run: tapline %s test %s", kind, name, kind, name)
	}
	for _, check := range checks {
		if check.State == schemas.CheckFailed || check.State == schemas.CheckWarning {
			a.say("warning: %s %s: %s: %s; %s", kind, name, check.Name, check.Finding, check.Action)
		} else {
			a.say("%s %s: %s: %s", kind, name, check.Name, check.Finding)
		}
	}
}
