package cli

import (
	"strings"

	"github.com/spf13/cobra"
)

// examples are what --help and the reference page show of each verb, by its path
// without the program's name. A test holds that there is one for each.
var examples = map[string]string{
	"access list":           "tapline access list",
	"access whoami":         "TAPLINE_TOKEN=tapline_… tapline access whoami",
	"account test":          "tapline account test main",
	"apply":                 "tapline apply -f imports/\ntapline get import customers -o yaml | tapline apply -f -\ntapline apply -f imports/ --prune -l team=growth\ntapline apply -f imports/ --managed-by git --source https://git.example.com/growth\ntapline apply --generation 12 customers",
	"plan":                  "tapline plan -f imports/\ntapline plan -f imports/ --prune -l team=growth\ntapline plan -f imports/ --values production.yaml -o json",
	"diff":                  "tapline diff -f customers.yaml\ntapline diff --generation 12 customers",
	"history":               "tapline history customers",
	"unmanage":              "tapline unmanage customers\ntapline unmanage SnowflakeConnection/warehouse",
	"approvals approve":     "tapline approvals approve customers-1f2e3d4c",
	"approvals decline":     "tapline approvals decline customers-1f2e3d4c",
	"approvals list":        "tapline approvals list",
	"approvals show":        "tapline approvals show customers-1f2e3d4c",
	"approve":               "tapline approve customers.42",
	"audit":                 "tapline audit\ntapline audit -o json | jq 'select(.kind == \"Import\")'",
	"backfill":              "tapline backfill customers --from 2026-11-01 --to 2026-11-08 --wait",
	"clone":                 "tapline clone customers customers-test",
	"replay":                "tapline replay customers --code email_invalid --plan\ntapline replay customers --run customers.42 --wait",
	"resend":                "tapline resend customers --runs 40..42 --wait",
	"stop":                  "tapline stop customers",
	"cancel":                "tapline cancel customers.42\ntapline cancel customers --at 2026-12-01T09:00:00Z",
	"config delete":         "tapline config delete staging",
	"config list":           "tapline config list",
	"config set":            "tapline config set production --server https://tapline.example.com --key < key.txt",
	"config use":            "tapline config use production",
	"connection test":       "tapline connection test warehouse",
	"decline":               "tapline decline customers.42",
	"demo":                  "tapline demo\ntapline demo --keep --customers 1000",
	"dev":                   "tapline dev --seed\ntapline dev --load SHOP.PUBLIC.USERS=users.parquet\ntapline dev --only infra",
	"dryrun":                "tapline dryrun customers\ntapline dryrun customers --sync",
	"get accounts":          "tapline get accounts",
	"get connections":       "tapline get connections -o json",
	"get defaults":          "tapline get defaults",
	"get freezes":           "tapline get freezes",
	"get import":            "tapline get import customers -o yaml > customers.yaml",
	"get imports":           "tapline get imports -l team=growth\ntapline get imports -w",
	"reconcile":             "tapline run customers --wait && tapline reconcile customers\ntapline reconcile customers --baseline",
	"verify":                "tapline verify customers\ntapline verify customers --identities vips.txt --repair\ntapline verify customers.d3 --repair",
	"why":                   "tapline why customers c4711\necho c4711 | tapline why customers - -o json",
	"why-late":              "tapline why-late customers\ntapline why-late customers -o json | jq '.causes[0]'",
	"get rows":              "tapline get rows --run customers.42\ntapline get rows --run customers.42 --result skipped --all > skipped.ndjson",
	"get rejects":           "tapline get rejects --run customers.42\ntapline get rejects --import customers --groups\ntapline get rejects --import customers --code email_invalid --export csv --bom > rejects.csv",
	"get run":               "tapline get run customers.42",
	"get runs":              "tapline get runs --import customers --state failed",
	"support":               "tapline support\ntapline support --admin http://127.0.0.1:19011 --admin http://127.0.0.1:19012 --config tapline.yaml",
	"doctor":                "tapline doctor\ntapline doctor -o json | jq '.checks[] | select(.state != \"ok\")'",
	"init":                  "tapline init --snowflake-account acme-eu1 --region eu1 --table SHOP.PUBLIC.CUSTOMERS > grants.sql\ntapline init --table SHOP.PUBLIC.CUSTOMERS",
	"keys bootstrap":        "tapline keys bootstrap --config /etc/tapline/importcenter.yaml",
	"keys create":           "tapline keys create ci --role editor --import 'orders-*' --expires 90d",
	"keys list":             "tapline keys list",
	"keys snowflake":        "tapline keys snowflake --user TAPLINE --encrypt\ntapline keys snowflake --user TAPLINE --rotate",
	"keys revoke":           "tapline keys revoke ci",
	"login":                 "tapline login",
	"logout":                "tapline logout",
	"map":                   "tapline map -f customers.yaml --columns columns.json --rows rows.ndjson",
	"pause":                 "tapline pause customers",
	"preview":               "tapline preview customers\ntapline preview -f customers.yaml -o rows > rows.ndjson",
	"rebuild":               "tapline rebuild --config /etc/tapline/tapline.yaml",
	"rejects dismiss":       "tapline rejects dismiss customers",
	"reset":                 "tapline reset customers",
	"resume":                "tapline resume customers",
	"run":                   "tapline run customers --wait\ntapline run customers --key nightly-2026-11-23",
	"suppress add":          "tapline suppress add --account main < erased.txt\ntapline suppress add --account main --file objections.csv --column CUSTOMER_ID",
	"suppress check":        "echo 4711 | tapline suppress check --account main",
	"suppress key":          "tapline suppress key --out /run/secrets/tapline-suppression",
	"suppress list":         "tapline suppress list --account main",
	"suppress remove":       "echo 4711 | tapline suppress remove --account main",
	"secrets list":          "tapline secrets list",
	"secrets delete":        "tapline secrets delete main --for clevertap",
	"access sessions":       "tapline access sessions\ntapline access sessions --own",
	"access sign-out":       "tapline access sign-out oidc:maya@example.com\ntapline access sign-out --own",
	"schedule":              "tapline schedule customers --next 10\ntapline schedule customers --past\ntapline schedule -f customers.yaml --zone Asia/Kolkata",
	"secrets set":           "tapline secrets set main --for clevertap < passcode.txt\ntapline secrets set warehouse --for snowflake < snowflake_key.p8",
	"tables":                "tapline tables\ntapline tables warehouse 'SHOP.PUBLIC.CUST*'\ntapline tables warehouse shop.public.customers",
	"topics apply":          "tapline topics apply --config /etc/tapline/tapline.yaml -f customers.yaml",
	"topics plan":           "tapline topics plan --config /etc/tapline/tapline.yaml",
	"topics prune":          "tapline topics prune --config /etc/tapline/tapline.yaml",
	"validate":              "tapline validate -f customers.yaml",
	"version":               "tapline version",
	"delete":                "tapline delete import customers --topics keep\ntapline delete import customers --topics remove --cancel --yes\ntapline delete connection warehouse",
	"describe account":      "tapline describe account clevertap",
	"describe connection":   "tapline describe connection warehouse",
	"describe default":      "tapline describe default shop",
	"describe import":       "tapline describe import customers",
	"describe rejects":      "tapline describe rejects --run customers.42 --limit 5",
	"describe run":          "tapline describe run customers.42",
	"edit":                  "EDITOR=vi tapline edit import customers",
	"get account":           "tapline get account clevertap -o yaml",
	"get connection":        "tapline get connection warehouse -o yaml",
	"get default":           "tapline get default shop -o yaml",
	"logs":                  "tapline logs customers.42\ntapline logs customers -f",
	"get notifications":     "tapline get notifications",
	"get notification":      "tapline get notification oncall -o yaml",
	"describe notification": "tapline describe notification oncall",
	"notify test":           "tapline notify test oncall",
	"notify acknowledge":    "tapline notify acknowledge customers --until 12h --reason 'the warehouse is being moved'",
	"notify unacknowledge":  "tapline notify unacknowledge customers",
}

// addExamples gives each verb that has none of its own its example.
func addExamples(root *cobra.Command) {
	for _, cmd := range root.Commands() {
		addExamples(cmd)
		_, path, _ := strings.Cut(cmd.CommandPath(), " ")
		if example := examples[path]; example != "" && cmd.Example == "" {
			cmd.Example = "  " + strings.ReplaceAll(example, "\n", "\n  ")
		}
	}
}
