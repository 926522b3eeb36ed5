package snowflake

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"tapline.dev/schemas"
)

// rolesSeen bounds how many roles are looked at: a role has those that are
// granted to it as well.
const rolesSeen = 50

// SessionFacts returns the session's user and role, and what it may do beyond reading.
func (s *Session) SessionFacts(ctx context.Context) (schemas.ConnectionTest, error) {
	var out schemas.ConnectionTest
	before := time.Now()
	clock, err := s.Clock(ctx)
	if err != nil {
		return out, err
	}
	// Snowflake read its clock between the question and now; the middle is assumed.
	out.SkewMillis = clock.Sub(before.Add(time.Since(before) / 2)).Milliseconds()
	for _, field := range []struct {
		function string
		value    *string
	}{
		{"CURRENT_USER", &out.User}, {"CURRENT_ROLE", &out.Role}, {"CURRENT_WAREHOUSE", &out.Warehouse},
		{"CURRENT_REGION", &out.Region}, {"CURRENT_VERSION", &out.Version},
	} {
		token, err := s.scalar(ctx, "SELECT "+field.function+`() AS "V"`)
		if err != nil {
			return out, err
		}
		// A NULL leaves the text empty.
		if err := json.Unmarshal([]byte(token), field.value); err != nil {
			return out, fmt.Errorf("reading %s: the answer is not a text", field.function)
		}
	}
	s.lookAtWarehouse(ctx, &out)
	out.Privileges, out.Unseen, err = s.privileges(ctx, out.Role)
	return out, err
}

// lookAtWarehouse says how the session's warehouse stands. A role that may not see it, or
// an answer of another form, leaves that open: the warehouse may work all the same.
func (s *Session) lookAtWarehouse(ctx context.Context, out *schemas.ConnectionTest) {
	rows, _, err := s.show(ctx, "looking at the warehouse", "SHOW WAREHOUSES", "name", "state", "size", "auto_resume")
	if err != nil {
		return
	}
	for _, row := range rows {
		if out.Warehouse != "" && row["name"] == out.Warehouse {
			out.WarehouseState, out.WarehouseSize = row["state"], row["size"]
			out.WarehouseStays = row["state"] == "SUSPENDED" && row["auto_resume"] == "false"
		}
	}
}

// privileges lists what a role and the roles granted to it may do beyond USAGE
// and SELECT, and says why the list is incomplete, if it is.
func (s *Session) privileges(ctx context.Context, role string) (beyond []string, unseen string, err error) {
	beyond = []string{}
	roles := []string{role}
	for i := 0; i < len(roles) && role != ""; i++ {
		if i == rolesSeen {
			return beyond, fmt.Sprintf("only %d of the roles that the role has were looked at", rolesSeen), nil
		}
		grants, whole, err := s.grants(ctx, roles[i])
		if err != nil {
			return nil, "", err
		}
		if !whole {
			unseen = "a role has more grants than one answer holds"
		}
		for _, g := range grants {
			switch {
			case g.on == "ROLE" && g.privilege == "USAGE":
				if !slices.Contains(roles, g.name) {
					roles = append(roles, g.name)
				}
			case g.privilege != "USAGE" && g.privilege != "SELECT":
				if text := g.privilege + " on " + g.on + " " + g.name; !slices.Contains(beyond, text) {
					beyond = append(beyond, text)
				}
			}
		}
	}
	slices.Sort(beyond)
	return beyond, unseen, nil
}

type grant struct{ privilege, on, name string }

// grants reads a role's grants, of which the first part is enough to warn of.
func (s *Session) grants(ctx context.Context, role string) (out []grant, whole bool, err error) {
	rows, whole, err := s.show(ctx, "looking at the role's grants", "SHOW GRANTS TO ROLE "+quoted(role), "privilege", "granted_on", "name")
	if err != nil {
		return nil, false, err
	}
	for _, row := range rows {
		out = append(out, grant{row["privilege"], row["granted_on"], row["name"]})
	}
	return out, whole, nil
}
