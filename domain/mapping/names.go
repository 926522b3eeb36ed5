package mapping

import (
	"bytes"
	_ "embed" // the restricted names
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxNameBytes   = 120
	maxValueBytes  = 512
	maxProfileKeys = 256
	prohibited     = `%><!|&.:;$'"\#`
	reservedPrefix = "wzrk_"
	chargedEvent   = "charged"
	chargedItems   = "items"
	messagePrefix  = "msg-"
)

//go:embed restricted.json
var restrictedJSON []byte

// restrictions are the names that CleverTap keeps for itself.
type restrictions struct {
	events          map[string]bool // folded
	eventProperties map[string]bool // folded
}

// loadRestrictions reads the embedded data; a test proves that it can be read.
func loadRestrictions() restrictions {
	type names []struct {
		Name, Source string
	}
	var file struct{ Events, EventProperties names }
	r := restrictions{events: map[string]bool{}, eventProperties: map[string]bool{}}
	if json.Unmarshal(restrictedJSON, &file) == nil {
		for _, n := range file.Events {
			r.events[fold(n.Name)] = true
		}
		for _, n := range file.EventProperties {
			r.eventProperties[fold(n.Name)] = true
		}
	}
	return r
}

// fold returns a spelling that is the same for all names that are equal to
// CleverTap, which ignores case and spaces.
func fold(name string) string {
	return strings.ToLower(strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, name))
}

// checkPropertyName returns a problem's code and message, or nothing.
func checkPropertyName(name string) (code, message string) {
	switch {
	case strings.TrimSpace(name) == "":
		return codeNameInvalid, "a property needs a name"
	case !utf8.ValidString(name):
		return codeNameInvalid, "the name is not valid UTF-8"
	case len(name) > maxNameBytes:
		return codeNameTooLong, fmt.Sprintf("the name has %d bytes, CleverTap takes %d", len(name), maxNameBytes)
	case strings.HasPrefix(fold(name), reservedPrefix):
		return codePropertyRestricted, "names that begin with wzrk_ are CleverTap's own"
	}
	if c, found := unseen([]byte(name), unseenInName); found {
		return codeCharacterRefused, fmt.Sprintf("the name contains %U, which nobody sees", c)
	}
	if i := strings.IndexAny(name, prohibited); i >= 0 {
		return codeNameInvalid, fmt.Sprintf("the name contains %q; CleverTap takes none of %s", name[i:i+1], prohibited)
	}
	return "", ""
}

// appendFold is fold without an allocation, for names in ASCII.
func appendFold(dst, name []byte) []byte {
	for _, c := range name {
		switch {
		case c >= utf8.RuneSelf:
			return append(dst[:0], fold(string(name))...)
		case c == ' ' || c >= '\t' && c <= '\r':
			continue
		case c >= 'A' && c <= 'Z':
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}

// checkEventName applies the rules of an event's name; folded is the name folded.
func (r restrictions) checkEventName(name, folded []byte) fault {
	switch {
	case len(bytes.TrimSpace(name)) == 0:
		return fault{codeEventNameMissing, "the event name is empty"}
	case bytes.ContainsAny(name, prohibited):
		return fault{codeEventNameInvalid, "the event name contains a character that CleverTap prohibits"}
	case len(name) > maxValueBytes:
		return fault{codeEventNameInvalid, "the event name is longer than 512 bytes"}
	case r.events[string(folded)] || bytes.HasPrefix(folded, []byte(reservedPrefix)):
		return fault{codeEventRestricted, "the event name is one of CleverTap's system events"}
	case hasUnseen(name, unseenInName):
		return unseenFault("the event name", name, unseenInName)
	}
	return fault{}
}
