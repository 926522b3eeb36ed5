// Package projection is the shape of runs and imports in Redis: which keys hold
// them, how a value becomes the fields of a hash and is read back. The scheduler
// writes it and Import Center reads it.
//
// A hash has one field for each top-level field of the value's JSON. A JSON text
// is stored in the field without its quotes; everything else is stored as JSON,
// so that HGETALL shows what the API shows. Values are absolute: writing a value
// twice, or an old value before a new one, leaves the same result.
package projection

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"

	"tapline.dev/libs/redis"
	"tapline.dev/schemas"
)

// Keys, without the prefix that the Redis client adds.
const (
	// importsKey is a sorted set of the imports' names, all of one score, so that
	// Redis keeps them in the order of the alphabet.
	importsKey = "imports"
	// runsKey is a sorted set of every run by the time it began, dryRunsKey of
	// every dry run.
	runsKey    = "runs"
	dryRunsKey = "dryruns"
)

// RunTTL is how long a run stays after its end: as long as the runs topic keeps it.
const RunTTL = 90 * 24 * time.Hour

// RunKey is the key of a run's hash.
func RunKey(run string) string { return "run:" + run }

// ImportKey is the key of an import's hash.
func ImportKey(importName string) string { return "import:" + importName }

// writeBegunKey and writeDoneKey show the owner of a control partition whether its part
// of the projection is complete; see Writer.CompleteWrite.
func writeBegunKey(partition int32) string { return fmt.Sprintf("projection:%d:begun", partition) }
func writeDoneKey(partition int32) string  { return fmt.Sprintf("projection:%d:done", partition) }

// runsOf returns the key of a sorted set of runs or dry runs: the set of one
// import, by number, or the set of all imports if importName is empty.
func runsOf(dry bool, importName string) string {
	key := runsKey
	if dry {
		key = dryRunsKey
	}
	if importName != "" {
		key += ":" + importName
	}
	return key
}

// ReadStore is what a Reader needs of Redis; libs/redis.Client provides it.
type ReadStore interface {
	HGetAllOf(ctx context.Context, keys ...string) ([]map[string]string, error)
	ZRange(ctx context.Context, key string, offset, limit int, descending bool) ([]string, error)
	ZDescending(ctx context.Context, key string, from float64, offset, limit int) ([]redis.Scored, error)
}

// Store is what a Writer needs of Redis; libs/redis.Client provides it.
type Store interface {
	hashes
	sets
	values
	Del(ctx context.Context, keys ...string) error
}

type hashes interface {
	HSetAll(ctx context.Context, key string, fields map[string]string, ttl time.Duration) error
	HGetAllOf(ctx context.Context, keys ...string) ([]map[string]string, error)
}

type sets interface {
	ZAdd(ctx context.Context, key, member string, score float64) error
	ZRem(ctx context.Context, key string, members ...string) error
	ZBelow(ctx context.Context, key string, score float64, limit int) ([]string, error)
}

type values interface {
	Get(ctx context.Context, key string) ([]byte, bool, error)
	Set(ctx context.Context, key string, value []byte, ttl time.Duration) error
	Swap(ctx context.Context, key, old, value string) (bool, error)
}

// Encode turns a struct into the fields of a hash.
func Encode(v any) (map[string]string, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encoding a hash: %w", err)
	}
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(text, &raw); err != nil {
		return nil, fmt.Errorf("encoding a hash: %w", err)
	}
	fields := make(map[string]string, len(raw))
	for name, value := range raw {
		if value[0] != '"' {
			fields[name] = string(value)
			continue
		}
		var s string
		if err := json.Unmarshal(value, &s); err != nil {
			return nil, fmt.Errorf("encoding the field %s: %w", name, err)
		}
		fields[name] = s
	}
	return fields, nil
}

// Decode fills the struct that into points to from the fields of a hash. Fields
// that the struct lacks are left alone, so that a newer writer harms no reader.
func Decode(fields map[string]string, into any) error {
	raw := make(map[string]json.RawMessage, len(fields))
	t := reflect.TypeOf(into).Elem()
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		value, ok := fields[name]
		switch {
		case !ok:
		case isText(t.Field(i).Type) && !(value == "null" && t.Field(i).Type.Kind() == reflect.Pointer):
			quoted, err := json.Marshal(value)
			if err != nil {
				return fmt.Errorf("decoding the field %s: %w", name, err)
			}
			raw[name] = quoted
		case !json.Valid([]byte(value)):
			return fmt.Errorf("decoding the field %s: not JSON", name)
		default:
			raw[name] = json.RawMessage(value)
		}
	}
	text, err := json.Marshal(raw)
	if err != nil {
		return fmt.Errorf("decoding a hash: %w", err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("decoding a hash: %w", err)
	}
	return nil
}

// isText reports whether values of the type are JSON texts.
func isText(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Kind() == reflect.String || t == reflect.TypeFor[time.Time]()
}

// runScore orders runs of all imports, newest first when read descending.
func runScore(r schemas.Run) float64 { return float64(r.StartedAt.UnixMilli()) }
