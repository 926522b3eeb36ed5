package lane

import (
	"bytes"
	"encoding/json"
)

// Never is for Limits.MayFollow: no identity comes twice in a batch.
func Never(_, _ []byte) bool { return false }

// Covers reports whether a profile's newer record writes every property that an older
// one writes, so that nothing is left of the older one once the newer is applied. A
// property that is an object is covered only by an equal one, because CleverTap may
// merge the two.
func Covers(older, newer []byte) bool {
	type record struct {
		Type        string                     `json:"type"`
		Identity    json.RawMessage            `json:"identity"`
		ObjectID    json.RawMessage            `json:"objectId"`
		ProfileData map[string]json.RawMessage `json:"profileData"`
	}
	var was, is record
	if json.Unmarshal(older, &was) != nil || json.Unmarshal(newer, &is) != nil {
		return false
	}
	for name, value := range was.ProfileData {
		now, ok := is.ProfileData[name]
		if !ok || value[0] == '{' && !bytes.Equal(value, now) {
			return false
		}
	}
	return was.Type == is.Type && bytes.Equal(was.Identity, is.Identity) && bytes.Equal(was.ObjectID, is.ObjectID)
}
