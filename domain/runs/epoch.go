package runs

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"

	"tapline.dev/schemas"
)

// hashVersion begins the hashes that this version of the scheduler makes. Hashes
// of earlier versions do not begin with it and cover fewer fields; see
// SourceHashBefore.
const hashVersion = "v2:"

// SourceHash covers what decides which rows exist, in which order they come and
// where they go: query, cursor, identity, connection, account, type and event.
// It does not cover the lookback, the allowance for future rows and the policy
// for NULL: they widen or narrow a window, and the watermark keeps its meaning.
func SourceHash(spec schemas.ImportSpec) string {
	d := spec.Destination
	place := struct {
		Before, Connection, Account, Type, Event, EventColumn string
	}{Before: SourceHashBefore(spec), Connection: spec.Source.ConnectionRef, Account: d.AccountRef, Type: d.Type}
	if d.Event != nil {
		place.Event, place.EventColumn = d.Event.Name, d.Event.NameColumn
	}
	return hashVersion + digest(place)
}

// SourceHashBefore is the hash of earlier versions. It covers query, cursor and
// identity only.
func SourceHashBefore(spec schemas.ImportSpec) string {
	source := struct {
		Query, Table, Column, Expr, Epoch, Timezone, Coalesce string
		Identity                                              schemas.Identity
	}{Query: spec.Source.Query, Table: spec.Source.Table, Identity: spec.Identity}
	if c := spec.Source.Cursor; c != nil {
		source.Column, source.Expr, source.Epoch, source.Coalesce = c.Column, c.Expr, c.Epoch, c.Nulls.Coalesce
		source.Timezone = c.Timezone
	}
	return digest(source)
}

func digest(v any) string {
	// Texts and numbers always encode.
	text, _ := json.Marshal(v)
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

// SourcePlace is the keyed hash of what a connection points to, for an import of
// the deployment with a topic prefix: account, database, schema and the role,
// which decides what is visible. If no role is given, the hash covers the user
// instead, because then the user's default role decides what is visible. It does
// not cover the warehouse and the credentials.
func SourcePlace(prefix, importName string, c schemas.SnowflakeConnectionSpec) string {
	who := "role " + c.Role
	if c.Role == "" {
		who = "user " + strings.ToUpper(c.User)
	}
	host := c.Host
	if c.Port != 0 {
		host += ":" + strconv.Itoa(c.Port)
	}
	return keyed(prefix, importName, "source", strings.ToUpper(c.Account), strings.ToLower(host), who, c.Database, c.Schema)
}

// TargetPlace is the keyed hash of what an account resolves to: CleverTap's own
// account id and the base URL that requests go to, which names the region.
func TargetPlace(prefix, importName, accountID, baseURL string) string {
	return keyed(prefix, importName, "target", accountID, strings.ToLower(strings.TrimSuffix(baseURL, "/")))
}

// keyed hashes parts so that nobody can tell from two imports' hashes whether they
// have a place in common. The key is no secret: it must be the same in every
// process and after every restart.
func keyed(prefix, importName string, parts ...string) string {
	mac := hmac.New(sha256.New, []byte("tapline place v1\x00"+prefix+"\x00"+importName))
	for _, part := range parts {
		mac.Write([]byte(strconv.Itoa(len(part)) + ":" + part))
	}
	return hex.EncodeToString(mac.Sum(nil)[:16])
}
