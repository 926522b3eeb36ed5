package rules

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

const (
	maxKeyChars      = 120
	MaxValueBytes    = 512
	maxIdentityChars = 1024
	MaxCustomKeys    = 256
	MaxEventTypes    = 512
	MaxItems         = 100
	maxNesting       = 3
	prohibitedInKeys = `%><!|&.:;$'"\#`
	prohibitedInName = `%><!|&.:;$'"\`
)

// restrictedEvents are refused with 513, in the spelling of eventKey.
var restrictedEvents = map[string]bool{
	"notificationsent": true, "notificationviewed": true, "notificationclicked": true,
	"notificationdelivered": true, "notificationreplied": true, "notificationbounced": true,
	"utmvisited": true, "applaunched": true, "appuninstalled": true, "appversionchanged": true,
	"stayed": true, "replysent": true, "experimentrendered": true, "reachableby": true,
	"identityreset": true, "identityset": true, "identityerror": true, "webpageviewed": true,
	"geoclusterentered": true, "geoclusterexited": true,
	"sccalloutgoing": true, "sccallincoming": true, "scend": true,
}

// EventKey folds an event name as CleverTap does: case and blanks do not count.
func EventKey(name string) string {
	return strings.ToLower(strings.ReplaceAll(name, " ", ""))
}

func restricted(key string) bool {
	return restrictedEvents[key] || strings.HasPrefix(key, "wzrk_")
}

// SystemKeys are the profile fields that CleverTap names itself; they do not
// count as custom keys.
var SystemKeys = map[string]bool{
	"Name": true, "Email": true, "Phone": true, "Gender": true, "Employed": true,
	"Education": true, "Married": true, "Age": true, "DOB": true, "Photo": true,
	"MSG-email": true, "MSG-push": true, "MSG-sms": true, "MSG-whatsapp": true,
	"category-unsubscribe": true, "category-resubscribe": true, "identity": true,
	"FBID": true, "GPID": true, "Birthday": true,
}

// SystemName is CleverTap's own spelling of one of its properties, which it recognises in
// any case, and the name itself for another. Blanks count.
func SystemName(key []byte) []byte {
	if name, ok := systemSpelling[strings.ToLower(string(key))]; ok {
		return []byte(name)
	}
	return key
}

var systemSpelling = func() map[string]string {
	out := make(map[string]string, len(SystemKeys))
	for name := range SystemKeys {
		out[strings.ToLower(name)] = name
	}
	return out
}()

// singleValued are the fields that can never hold several values.
var singleValued = map[string]bool{
	"Name": true, "Email": true, "Education": true, "Married": true, "DOB": true,
	"Gender": true, "Phone": true, "Age": true, "FBID": true, "GPID": true, "Birthday": true,
}

// keyFits reports whether a property name is within the limits. An empty name
// is not a name.
func keyFits(key []byte) bool {
	return len(key) > 0 && utf8.RuneCount(key) <= maxKeyChars && !bytes.ContainsAny(key, prohibitedInKeys)
}
