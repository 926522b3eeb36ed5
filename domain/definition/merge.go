package definition

import (
	"bytes"
	"encoding/json"
)

// Merge lays over on top of base: objects merge key by key, everything else,
// lists too, is replaced. Either may be empty.
func Merge(base, over json.RawMessage) json.RawMessage {
	if len(base) == 0 {
		return over
	}
	if len(over) == 0 {
		return base
	}
	var below, above map[string]json.RawMessage
	if !isObject(base) || !isObject(over) || json.Unmarshal(base, &below) != nil || json.Unmarshal(over, &above) != nil {
		return over
	}
	for key, value := range above {
		below[key] = Merge(below[key], value)
	}
	merged, err := json.Marshal(below)
	if err != nil {
		return over // both were read from JSON, so they can be written
	}
	return merged
}

func isObject(raw json.RawMessage) bool { return bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{")) }
