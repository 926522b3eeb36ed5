package replays

import (
	"encoding/json"
	"strings"

	"tapline.dev/domain/mapping"
	"tapline.dev/schemas"
)

// Identity is the key of a rejected row, "" if nothing tells it. Rejects of older
// versions do not name it, but most of them have their row.
func Identity(spec schemas.ImportSpec, r *schemas.Reject) string {
	if r.Identity != "" || len(r.Row) == 0 {
		return r.Identity
	}
	var row map[string]json.RawMessage
	if json.Unmarshal(r.Row, &row) != nil {
		return ""
	}
	value, ok := row[spec.Identity.Column]
	for name, v := range row {
		if !ok && strings.EqualFold(name, spec.Identity.Column) {
			value = v
		}
	}
	return string(mapping.IdentityKey(nil, value))
}
