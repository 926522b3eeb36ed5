package definition

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/url"
	"path/filepath"
	"reflect"
	"time"

	"tapline.dev/libs/config"
	"tapline.dev/libs/egress"
	"tapline.dev/schemas"
)

// ValidateResource reports every problem of a connection, an account, defaults or a
// notification.
func ValidateResource(r schemas.Resource) []Problem {
	var f findings
	checkHead(&f, r.APIVersion, r.Kind, r.Metadata,
		schemas.KindSnowflakeConnection, schemas.KindCleverTapAccount, schemas.KindImportDefaults, schemas.KindNotification)
	if len(r.Spec) > maxSpecBytes {
		f.add(codeTooLong, "spec", "the spec takes %d bytes and may take %d; write less", len(r.Spec), maxSpecBytes)
		return f
	}
	switch r.Kind {
	case schemas.KindSnowflakeConnection:
		var s schemas.SnowflakeConnectionSpec
		if decodeSpec(&f, r.Spec, &s) {
			checkConnection(&f, &s)
		}
	case schemas.KindCleverTapAccount:
		var s schemas.CleverTapAccountSpec
		if decodeSpec(&f, r.Spec, &s) {
			checkAccount(&f, &s)
		}
	case schemas.KindImportDefaults:
		checkDefaults(&f, r.Spec)
	case schemas.KindNotification:
		var s schemas.NotificationSpec
		if decodeSpec(&f, r.Spec, &s) {
			checkNotification(&f, &s)
		}
	}
	return f
}

func decodeSpec(f *findings, raw json.RawMessage, into any) bool {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		f.add(codeWrongType, "spec", "%s", err)
		return false
	}
	return true
}

func checkConnection(f *findings, s *schemas.SnowflakeConnectionSpec) {
	if s.Account == "" {
		f.add(codeRequired, "spec.account", "name the account, such as acme-eu1")
	} else {
		checkAccountName(f, s.Account)
	}
	if s.User == "" {
		f.add(codeRequired, "spec.user", "name the user")
	}
	checkWay(f, s.Proxy, s.CAFile)
	if given(s.Password, s.Token, s.OAuthToken, s.PrivateKey) != 1 {
		f.add(codeConflict, "spec", "give exactly one of privateKey, password, token and oauthToken")
	}
	for key, value := range map[string]string{"privateKeyPassphrase": s.PrivateKeyPassphrase, "secondPrivateKey": s.SecondPrivateKey} {
		if value != "" && s.PrivateKey == "" {
			f.add(codeConflict, "spec."+key, "%s goes with privateKey", key)
		}
	}
	checkSecrets(f, s, "password", "token", "oauthToken", "privateKey", "privateKeyPassphrase", "secondPrivateKey")
	checkRange(f, "spec.port", int64(s.Port), 1, 65535)
	checkWord(f, "spec.protocol", s.Protocol, "https", "http")
}

// Regions lists CleverTap's regions, as in the names of its hosts.
func Regions() []string { return []string{"in1", "sg1", "us1", "aps3", "mec1", "eu1"} }

// maxUploadBytes keeps a setting within reason; CleverTap documents no limit.
const maxUploadBytes = 64 << 20

func checkAccount(f *findings, s *schemas.CleverTapAccountSpec) {
	if given(s.Region, s.Endpoint) != 1 {
		f.add(codeConflict, "spec", "give exactly one of region and endpoint")
	}
	checkWord(f, "spec.region", s.Region, Regions()...)
	checkWord(f, "spec.environment", s.Environment, schemas.EnvironmentTest, schemas.EnvironmentProduction)
	if s.Endpoint != "" {
		if u, err := url.Parse(s.Endpoint); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			f.add(codeValueInvalid, "spec.endpoint", "an endpoint is a URL such as https://in1.api.clevertap.com")
		}
	}
	for key, value := range map[string]string{"accountId": s.AccountID, "passcode": s.Passcode} {
		if value == "" {
			f.add(codeRequired, "spec."+key, "%s is needed: ref+env://NAME or ref+file:///path", key)
		}
	}
	checkSecrets(f, s, "accountId", "passcode")
	checkWay(f, s.Proxy, s.CAFile)
	checkRange(f, "spec.slots", int64(s.Slots), 1, 1000)
	checkRange(f, "spec.recordsPerUpload", int64(s.RecordsPerUpload), 1, 1000)
	checkRange(f, "spec.bytesPerUpload", int64(s.BytesPerUpload), 1<<10, maxUploadBytes)
	checkDuration(f, "spec.dataRetention", s.DataRetention, 24*time.Hour, 3660*24*time.Hour)
	checkRange(f, "spec.maxEventProperties", int64(s.MaxEventProperties), 1, 1000)
}

// checkWay checks how a host is to be reached. Whether the deployment allows it is the
// services' to say, which go that way.
func checkWay(f *findings, proxy, caFile string) {
	if proxy != "" {
		if _, err := egress.Parse(proxy); err != nil {
			f.add(codeValueInvalid, "spec.proxy", "%s", err)
		}
	}
	if caFile != "" && !filepath.IsAbs(caFile) {
		f.add(codeValueInvalid, "spec.caFile", "a caFile is an absolute path, such as /etc/tapline/ca/proxy.pem")
	}
}

// checkSecrets refuses secrets that stand in the definition. Its messages never
// repeat the text.
func checkSecrets(f *findings, spec any, keys ...string) {
	v := reflect.Indirect(reflect.ValueOf(spec))
	byKey := map[string]string{}
	for field, value := range v.Fields() {
		if value.Kind() == reflect.String {
			name := field.Tag.Get("json")
			for _, key := range keys {
				if name == key || name == key+",omitempty" {
					byKey[key] = value.String()
				}
			}
		}
	}
	for _, key := range keys {
		if byKey[key] == "" {
			continue
		}
		err := config.CheckReference(byKey[key])
		switch {
		case errors.Is(err, config.ErrNotReference):
			f.add(codeSecretPlain, "spec."+key, "a secret never stands in a definition; write ref+env://NAME or ref+file:///path")
		case err != nil:
			f.add(codeValueInvalid, "spec."+key, "%s", err)
		}
	}
}

// checkDefaults checks the parts that are given; what an import needs may come
// from the import.
func checkDefaults(f *findings, raw json.RawMessage) {
	var s schemas.ImportSpec
	if !decodeSpec(f, raw, &s) {
		return
	}
	var all findings
	checkSpec(&all, &s, "")
	checkZone(&all, "spec.timezone", s.Timezone)
	for _, p := range all {
		if p.Code != codeRequired && p.Code != codeConflict {
			*f = append(*f, p)
		}
	}
}
