// Package support makes the bundle that people hand to whoever helps them: what a
// deployment is, does and has done, without personal data, secrets or SQL.
package support

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// shown are the fields whose texts may leave the deployment: names, codes, states and
// figures that Tapline's own schemas define. Every other text is masked, so that a field
// that is added later is masked until somebody decides otherwise.
var shown = map[string]bool{
	"account": true, "accountRef": true, "action": true, "apiVersion": true, "cause": true, "checks": true, "code": true, "codes": true, "connection": true,
	"connectionRef": true, "cron": true, "every": true, "finding": true, "go": true, "health": true, "healthWhy": true, "import": true, "kind": true,
	"mode": true, "mapping": true, "name": true, "nulls": true, "onAmbiguous": true, "op": true, "queryId": true, "region": true, "rowTime": true, "run": true,
	"runs": true, "schedule": true, "service": true, "severity": true, "stage": true, "state": true, "status": true, "team": true, "timeBasis": true,
	"timeZone": true, "timezone": true, "topic": true, "traceId": true, "type": true, "unknown": true, "upload": true, "version": true, "warning": true, "what": true,
	"have": true, "want": true, "Name": true, "Writer": true, "refused": true, "outcome": true, "behind": true, "condition": true, "service.name": true,
}

// constants are the fields in which nothing is shown, numbers and objects either: the values
// that a mapping writes.
var constants = map[string]bool{"value": true, "values": true, "default": true, "equals": true, "min": true, "max": true}

// owner is the label of metrics that names a person. Their other labels are those of shown,
// or Tapline's own.
var owner = regexp.MustCompile(`([{,]owner=)"(?:[^"\\]|\\.)*"`)

// MaskMetrics returns metrics in Prometheus' text format without the owners of imports.
func MaskMetrics(text []byte) []byte { return owner.ReplaceAll(text, []byte(`$1"[masked]"`)) }

// plainMapping is a line of a mapping that names a column and a property, and nothing else.
var plainMapping = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_$.]* *-> *[A-Za-z_][A-Za-z0-9_ .]*$`)

// Mask returns a JSON value with its texts masked, but for those that may be shown.
func Mask(value any) (any, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("masking: %w", err)
	}
	var v any
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("masking: %w", err)
	}
	return mask("", v), nil
}

func mask(key string, v any) any {
	if _, isText := v.(string); constants[key] && !isText && v != nil {
		return "[masked: a constant]"
	}
	switch v := v.(type) {
	case map[string]any:
		for k, inner := range v {
			v[k] = mask(k, inner)
		}
		return v
	case []any:
		for i, inner := range v {
			v[i] = mask(key, inner)
		}
		return v
	case string:
		return maskText(key, v)
	}
	return v
}

func maskText(key, text string) string {
	switch {
	case text == "", key == "mapping" && plainMapping.MatchString(text), key != "mapping" && shown[key]:
		return text
	case isInstant(key, text):
		return text
	}
	return fmt.Sprintf("[masked: %d characters]", len([]rune(text)))
}

// isInstant reports whether a text is an instant of Tapline's own, such as startedAt. A
// constant of a mapping may look like one.
func isInstant(key, text string) bool {
	if constants[key] {
		return false
	}
	_, err := time.Parse(time.RFC3339Nano, text)
	return err == nil && (strings.HasSuffix(key, "At") || key == "time" || key == "since" || key == "now" || key == "due" || key == "asOf")
}
