package scaffold

import (
	"fmt"
	"strings"

	"tapline.dev/domain/suggest"
	"tapline.dev/schemas"
)

// Resources says how Snowflake and CleverTap are reached. The texts that begin with ref+
// are references to secrets.
type Resources struct {
	Connection, Account string // their names in Tapline
	Snowflake           string // the account's name
	User                Name
	Role, Warehouse     Name
	Database, Schema    string
	PrivateKey          string
	Passphrase          string // "" of a key that is not encrypted
	Region              string
	AccountID, Passcode string
}

// File is the definition file of both.
func (r Resources) File() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# How Snowflake is reached. Test it with: tapline connection test %s", r.Connection)
	line("apiVersion: %s", schemas.APIVersion)
	line("kind: SnowflakeConnection")
	line("metadata: {name: %s}", scalar(r.Connection))
	line("spec:")
	line("  # ORGANIZATION-ACCOUNT; with PrivateLink ORGANIZATION-ACCOUNT.privatelink.")
	line("  account: %s", scalar(r.Snowflake))
	line("  user: %s", scalar(strings.Join(r.User, "")))
	line("  role: %s", scalar(r.Role.Setting()))
	line("  warehouse: %s", scalar(r.Warehouse.Setting()))
	if r.Database != "" {
		line("  database: %s", scalar(r.Database))
	}
	if r.Schema != "" {
		line("  schema: %s", scalar(r.Schema))
	}
	line("  # A reference to the key, never the key itself: where the extractor finds it.")
	line("  privateKey: %s", scalar(r.PrivateKey))
	if r.Passphrase != "" {
		line("  privateKeyPassphrase: %s", scalar(r.Passphrase))
	}
	line("---")
	line("# How CleverTap is reached. Test it with: tapline account test %s", r.Account)
	line("apiVersion: %s", schemas.APIVersion)
	line("kind: CleverTapAccount")
	line("metadata: {name: %s}", scalar(r.Account))
	line("spec:")
	line("  # As in the dashboard's address: eu1 of eu1.dashboard.clevertap.com.")
	line("  region: %s", scalar(r.Region))
	line("  # References to the account id and the passcode: where the loader finds them.")
	line("  accountId: %s", scalar(r.AccountID))
	line("  passcode: %s", scalar(r.Passcode))
	line("  # production: what is sent for the first time, or again, is asked about.")
	line("  # environment: production")
	return b.String()
}

// Import is a definition with a suggested mapping.
type Import struct {
	Name string
	suggest.Suggestion
}

// File is its definition file.
func (i Import) File() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	spec := i.Spec
	line("# Suggested from the columns; read it before you apply it.")
	line("#   tapline preview -f FILE      shows rows and what apply would refuse")
	line("#   tapline apply -f FILE        then tapline dryrun %s", i.Name)
	line("apiVersion: %s", schemas.APIVersion)
	line("kind: Import")
	line("metadata: {name: %s}", scalar(i.Name))
	line("spec:")
	line("  timezone: %s", scalar(spec.Timezone))
	line("  source:")
	line("    connectionRef: %s", scalar(spec.Source.ConnectionRef))
	switch {
	case spec.Source.Table != "":
		line("    table: %s", scalar(spec.Source.Table))
	case spec.Source.QueryFile != "":
		line("    queryFile: %s", scalar(spec.Source.QueryFile))
	}
	line("    # Which rows are new: %s.", comment(i.Cursor))
	if c := spec.Source.Cursor; c != nil {
		line("    cursor: {column: %s, lookback: 15m}", scalar(c.Column))
	} else {
		line("    # cursor: {column: UPDATED_AT, lookback: 15m}")
	}
	i.destination(line)
	line("  # Who a row is about: %s.", comment(i.Identity))
	line("  identity: {column: %s}", scalar(spec.Identity.Column))
	line("  mapping:")
	for n, p := range spec.Mapping {
		text := "from: " + scalar(p.From) + ", to: " + scalar(p.To)
		if p.Type != "" {
			text += ", type: " + p.Type
		}
		if p.Format != "" {
			text += ", format: " + p.Format
		}
		if why := i.Lines[n].Reason; why != "" {
			line("    - {%s} # %s", text, comment(why))
			continue
		}
		line("    - {%s}", text)
	}
	for _, l := range i.LeftOut {
		line("    # left out: %s, because %s", comment(l.Column), comment(l.Why))
	}
	line("  # Without schedules it runs by hand: tapline run %s --wait", i.Name)
	line("  # schedules: [{every: 1h}]")
	return b.String()
}

func (i Import) destination(line func(format string, args ...any)) {
	d := i.Spec.Destination
	if d.Event == nil {
		line("  destination: {accountRef: %s, type: profile}", scalar(d.AccountRef))
		return
	}
	line("  destination:")
	line("    accountRef: %s", scalar(d.AccountRef))
	line("    type: event")
	event := "name: " + scalar(d.Event.Name)
	if d.Event.CreatedOn != nil {
		event += ", createdOn: {column: " + scalar(d.Event.CreatedOn.Column) + "}"
	}
	line("    event: {%s}", event)
}
