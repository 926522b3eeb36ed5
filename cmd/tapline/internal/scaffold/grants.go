package scaffold

import (
	"fmt"
	"strings"
)

// Object is something that an import reads.
type Object struct {
	Name Name // database, schema, object
	View bool
}

// Access is what Tapline has to be given in Snowflake.
type Access struct {
	User, Role, Warehouse Name
	PublicKey             string // base64, as RSA_PUBLIC_KEY takes it
	Reads                 []Object
}

// SQL is what Snowflake's administrator runs: a role that may use one warehouse and
// SELECT from what is read, a user that signs in by key only, and nothing more. Choices
// that cost or restrict something stand in comments.
func (a Access) SQL() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	user, role, warehouse := a.User.SQL(), a.Role.SQL(), a.Warehouse.SQL()
	line("-- For Snowflake's administrator. It makes a role that can only read what is named")
	line("-- below, and a user that signs in with a key pair and cannot have a password.")
	line("USE ROLE USERADMIN;")
	line("CREATE ROLE IF NOT EXISTS %s;", role)
	line("-- If the user is there already, this fails and changes nothing: then add a second")
	line("-- key with what tapline keys snowflake --rotate prints.")
	line("CREATE USER %s TYPE = SERVICE DEFAULT_SECONDARY_ROLES = () RSA_PUBLIC_KEY = %s;", user, literal(a.PublicKey))
	line("")
	line("-- A warehouse of its own shows what imports cost. It sleeps when nothing runs.")
	line("USE ROLE SYSADMIN;")
	line("CREATE WAREHOUSE IF NOT EXISTS %s WAREHOUSE_SIZE = XSMALL AUTO_SUSPEND = 60 AUTO_RESUME = TRUE INITIALLY_SUSPENDED = TRUE;", warehouse)
	line("")
	line("USE ROLE SECURITYADMIN;")
	line("GRANT ROLE %s TO USER %s;", role, user)
	line("GRANT USAGE ON WAREHOUSE %s TO ROLE %s;", warehouse, role)
	for _, grant := range a.reads() {
		line("GRANT %s TO ROLE %s;", grant, role)
	}
	line("")
	line("-- By choice: a bound on what the warehouse may cost in a month.")
	line("-- USE ROLE ACCOUNTADMIN;")
	line("-- CREATE RESOURCE MONITOR TAPLINE_MONITOR WITH CREDIT_QUOTA = 10 FREQUENCY = MONTHLY START_TIMESTAMP = IMMEDIATELY")
	line("--   TRIGGERS ON 80 PERCENT DO NOTIFY ON 100 PERCENT DO SUSPEND;")
	line("-- ALTER WAREHOUSE %s SET RESOURCE_MONITOR = TAPLINE_MONITOR;", warehouse)
	line("--")
	line("-- By choice: the user signs in from the extractors' addresses only. Put the addresses")
	line("-- in, and a database and schema of yours for the rule.")
	line("-- USE ROLE SECURITYADMIN;")
	line("-- CREATE NETWORK RULE SECURITY.PUBLIC.TAPLINE_EXTRACTORS MODE = INGRESS TYPE = IPV4 VALUE_LIST = ('203.0.113.7/32');")
	line("-- CREATE NETWORK POLICY TAPLINE_ONLY ALLOWED_NETWORK_RULE_LIST = ('SECURITY.PUBLIC.TAPLINE_EXTRACTORS');")
	line("-- ALTER USER %s SET NETWORK_POLICY = TAPLINE_ONLY;", user)
	return b.String()
}

// reads are the grants for what is read, each once.
func (a Access) reads() (out []string) {
	seen := map[string]bool{}
	add := func(grant string) {
		if !seen[grant] {
			seen[grant] = true
			out = append(out, grant)
		}
	}
	for _, o := range a.Reads {
		add("USAGE ON DATABASE " + o.Name[:1].SQL())
		add("USAGE ON SCHEMA " + o.Name[:2].SQL())
		kind := "TABLE"
		if o.View {
			kind = "VIEW"
		}
		add("SELECT ON " + kind + " " + o.Name.SQL())
	}
	return out
}
