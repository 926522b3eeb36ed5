package schemas

import "strings"

// LedgerRoot begins the keys in Redis of all ledgers. A value is named
// ledger/<deployment>/<import>/<epoch>/<number>.<attempt>:<chunk>.
const LedgerRoot = "ledger/"

// FormerLedgerRoot begins the keys that versions before LedgerNames wrote.
const FormerLedgerRoot = "ledger:"

// LedgerImport returns the import whose ledger has this key, or "" if the key is of
// no ledger of the deployment.
func LedgerImport(deployment, key string) string {
	rest, ok := strings.CutPrefix(key, LedgerRoot+deployment+"/")
	end := "/"
	if !ok {
		rest, ok = strings.CutPrefix(key, FormerLedgerRoot)
		end = ":"
	}
	name, _, found := strings.Cut(rest, end)
	if !ok || !found {
		return ""
	}
	return name
}
