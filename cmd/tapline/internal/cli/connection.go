package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tapline.dev/cmd/tapline/internal/client"
	"tapline.dev/schemas"
)

// skewWarned is the difference of clocks from which a warning is printed.
const skewWarned = 5 * time.Second

func (a *app) connectionCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "connection", Short: "Test connections to Snowflake"}
	test := &cobra.Command{
		ValidArgsFunction: a.completeOne(resourceNames(resourceKinds[0])),
		Use:               "test NAME",
		Short:             "Sign in, check role, warehouse, clock and privileges; nothing is read",
		Long: `Have an extractor sign in to Snowflake with the connection. Each check has a line of
its own, and none hides the next. Nothing is read.

Exit code 1 if a check failed.`,
		Args: cobra.ExactArgs(1),
	}
	a.oneOf(test, "table", "json")
	test.RunE = a.online(func(ctx context.Context, c *client.Client, args []string) error {
		found, err := c.TestConnection(ctx, args[0])
		if err != nil && (a.output == "json" || !refusedBySnowflake(err)) {
			return err
		}
		checks := connectionChecks(args[0], found, err)
		if err := a.printFetched(found, nil, func() error { return a.printChecks(checks) }); err != nil {
			return err
		}
		return failedChecks("connection "+args[0], checks)
	})
	cmd.AddCommand(test)
	return cmd
}

// refusedBySnowflake reports whether the test was made and has failed.
func refusedBySnowflake(err error) bool {
	p, ok := errors.AsType[*client.Problem](err)
	return ok && p.Status == http.StatusUnprocessableEntity
}

// connectionChecks are the lines of a connection's test.
func connectionChecks(name string, found client.ConnectionTest, err error) (checks []schemas.Check) {
	add := func(name, state, finding, action string) {
		checks = append(checks, schemas.Check{Name: name, State: state, Finding: finding, Action: action})
	}
	if err != nil {
		add("sign-in", schemas.CheckFailed, err.Error(), "mend the connection or what it names, then: tapline connection test "+name)
		return checks
	}
	add("sign-in", schemas.CheckOK, "as "+orDash(found.User)+" in "+orDash(found.Region)+", Snowflake "+orDash(found.Version), "")
	add("role", schemas.CheckOK, orDash(found.Role), "")
	switch {
	case found.Warehouse == "":
		add("warehouse", schemas.CheckFailed, "none is active", "name one in the connection that the role may use")
	case found.WarehouseStays:
		add("warehouse", schemas.CheckFailed, found.Warehouse+" is suspended, and does not resume by itself", "ALTER WAREHOUSE "+found.Warehouse+" SET AUTO_RESUME = TRUE")
	case found.WarehouseState != "":
		add("warehouse", schemas.CheckOK, found.Warehouse+", "+found.WarehouseSize+", "+strings.ToLower(found.WarehouseState), "")
	default:
		add("warehouse", schemas.CheckOK, found.Warehouse, "")
	}
	for _, p := range found.Privileges {
		add("privileges", schemas.CheckWarning, "the role may do more than read: "+p, "revoke it; USAGE and SELECT are enough")
	}
	switch {
	case found.Unseen != "":
		add("privileges", schemas.CheckWarning, found.Unseen, "give the connection a role of its own")
	case len(found.Privileges) == 0:
		add("privileges", schemas.CheckOK, "nothing beyond USAGE and SELECT", "")
	}
	skew := (time.Duration(found.SkewMillis) * time.Millisecond).Abs()
	if skew > skewWarned {
		add("clock", schemas.CheckWarning, fmt.Sprintf("Snowflake's and the extractor's differ by %s", skew.Round(time.Second)), "set the extractor's clock by NTP; runs go by Snowflake's")
	} else {
		add("clock", schemas.CheckOK, fmt.Sprintf("Snowflake's and the extractor's differ by %s", skew.Round(10*time.Millisecond)), "")
	}
	for _, c := range found.Checks {
		add(c.Name, c.State, c.Finding, c.Action)
	}
	return checks
}
