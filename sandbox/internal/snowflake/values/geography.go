package values

import (
	"encoding/json"
	"strconv"
	"strings"

	"tapline.dev/sandbox/internal/snowflake/sferr"
)

// GeoJSON reads a GEOGRAPHY from GeoJSON or from the WKT of a point, a line or a polygon.
func GeoJSON(text string) (string, error) {
	trimmed := strings.TrimSpace(text)
	if strings.HasPrefix(trimmed, "{") {
		return CanonicalJSON(trimmed)
	}
	bad := sferr.Coded("100205", "22023", "Error parsing geo input: "+text+". Did not recognize valid GeoJSON or WKT")
	name, rest, ok := strings.Cut(trimmed, "(")
	rest, closed := strings.CutSuffix(strings.TrimSpace(rest), ")")
	if !ok || !closed {
		return "", bad
	}
	var kind string
	var coordinates any
	switch strings.ToUpper(strings.TrimSpace(name)) {
	case "POINT":
		points, ok := wktPoints(rest)
		if !ok || len(points) != 1 {
			return "", bad
		}
		kind, coordinates = "Point", points[0]
	case "LINESTRING":
		points, ok := wktPoints(rest)
		if !ok || len(points) < 2 {
			return "", bad
		}
		kind, coordinates = "LineString", points
	case "POLYGON":
		var rings [][][]json.Number
		for ring := range strings.SplitSeq(rest, "),") {
			points, ok := wktPoints(strings.Trim(strings.TrimSpace(ring), "()"))
			if !ok || len(points) < 4 {
				return "", bad
			}
			rings = append(rings, points)
		}
		kind, coordinates = "Polygon", rings
	default:
		return "", bad
	}
	out, err := json.Marshal(map[string]any{"type": kind, "coordinates": coordinates})
	return string(out), err
}

func wktPoints(text string) ([][]json.Number, bool) {
	var out [][]json.Number
	for pair := range strings.SplitSeq(text, ",") {
		fields := strings.Fields(pair)
		if len(fields) != 2 {
			return nil, false
		}
		var point []json.Number
		for _, f := range fields {
			v, err := strconv.ParseFloat(f, 64)
			if err != nil {
				return nil, false
			}
			point = append(point, json.Number(VariantDouble(v)))
		}
		out = append(out, point)
	}
	return out, true
}
