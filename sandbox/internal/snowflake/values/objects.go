package values

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"tapline.dev/sandbox/internal/snowflake/sferr"
)

// members parses an OBJECT into the JSON texts of its values.
func members(text string) (map[string]json.RawMessage, error) {
	var out map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &out); err != nil || out == nil {
		return nil, sferr.Coded("100069", "22P02", "Failed to cast variant value to OBJECT")
	}
	return out, nil
}

func objectText(in map[string]json.RawMessage) string {
	parts := make([]string, 0, len(in))
	for key, value := range in {
		parts = append(parts, quoteJSON(key)+":"+string(value))
	}
	text, err := CanonicalJSON("{" + strings.Join(parts, ",") + "}")
	if err != nil {
		return "{}"
	}
	return text
}

// ObjectDelete implements OBJECT_DELETE of one key.
func ObjectDelete(object, key string) (string, error) {
	in, err := members(object)
	if err != nil {
		return "", err
	}
	delete(in, key)
	return objectText(in), nil
}

// ObjectPick implements OBJECT_PICK of one key.
func ObjectPick(object, key string) (string, error) {
	in, err := members(object)
	if err != nil {
		return "", err
	}
	out := map[string]json.RawMessage{}
	if value, ok := in[key]; ok {
		out[key] = value
	}
	return objectText(out), nil
}

// ObjectInsert implements OBJECT_INSERT; if the object has the key already, update
// must be true.
func ObjectInsert(object, key, value, update string) (string, error) {
	in, err := members(object)
	if err != nil {
		return "", err
	}
	if _, ok := in[key]; ok && !strings.EqualFold(update, "true") {
		return "", sferr.Coded("100129", "22000", "Duplicate field key '"+key+"'")
	}
	in[key] = json.RawMessage(value)
	return objectText(in), nil
}

// ArrayDistinct implements ARRAY_DISTINCT: of equal elements it keeps the first.
func ArrayDistinct(array string) (string, error) {
	var in []json.RawMessage
	if err := json.Unmarshal([]byte(array), &in); err != nil {
		return "", sferr.Coded("100069", "22P02", "Failed to cast variant value to ARRAY")
	}
	seen := map[string]bool{}
	var out []string
	for _, item := range in {
		text, err := CanonicalJSON(string(item))
		if err != nil {
			return "", err
		}
		if !seen[text] {
			out = append(out, text)
		}
		seen[text] = true
	}
	return "[" + strings.Join(out, ",") + "]", nil
}

// earthRadius is the radius in metres that ST_DISTANCE uses.
const earthRadius = 6371010

// Distance implements ST_DISTANCE of two points in metres.
func Distance(a, b string) (string, error) {
	p, err := point(a)
	if err != nil {
		return "", err
	}
	q, err := point(b)
	if err != nil {
		return "", err
	}
	rad := math.Pi / 180
	h := math.Pow(math.Sin((q[1]-p[1])*rad/2), 2) + math.Cos(p[1]*rad)*math.Cos(q[1]*rad)*math.Pow(math.Sin((q[0]-p[0])*rad/2), 2)
	return strconv.FormatFloat(2*earthRadius*math.Asin(math.Sqrt(h)), 'g', -1, 64), nil
}

func point(text string) ([]float64, error) {
	var p struct {
		Type        string
		Coordinates json.RawMessage
	}
	var at []float64
	if err := json.Unmarshal([]byte(text), &p); err != nil || p.Type != "Point" || json.Unmarshal(p.Coordinates, &at) != nil || len(at) != 2 {
		return nil, sferr.Coded("000002", "0A000", "Unsupported feature 'ST_DISTANCE of anything but points in the sandbox'.")
	}
	return at, nil
}
