package engine

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
	"time"

	"tapline.dev/sandbox/internal/snowflake/sferr"
	"tapline.dev/sandbox/internal/snowflake/values"
)

// parameter is a session parameter: its default, and the other values that have their
// effect in the sandbox. Other values are refused: otherwise a test could pass because a
// parameter had no effect.
type parameter struct {
	standard any
	accepts  func(value string) bool // nil: the default only
}

func anyValue(string) bool { return true }

func oneOf(allowed ...string) func(string) bool {
	return func(value string) bool {
		for _, a := range allowed {
			if strings.EqualFold(a, value) {
				return true
			}
		}
		return false
	}
}

func number(low, high int) func(string) bool {
	return func(value string) bool {
		n, err := strconv.Atoi(value)
		return err == nil && n >= low && n <= high
	}
}

// parameters returns all parameters that the sandbox knows. Those of the drivers (CLIENT_…)
// have their effect in the driver. Bulk binds through a stage are off: the sandbox has no stages.
func parameters() map[string]parameter {
	flag := oneOf("true", "false")
	const millis = "YYYY-MM-DD HH24:MI:SS.FF3"
	return map[string]parameter{
		"TIMEZONE":  {"America/Los_Angeles", func(v string) bool { _, err := time.LoadLocation(v); return err == nil && v != "" }},
		"QUERY_TAG": {"", anyValue}, "AUTOCOMMIT": {true, nil}, "MULTI_STATEMENT_COUNT": {1, nil},
		"ROWS_PER_RESULTSET":                  {0, number(0, 1<<31-1)},
		"QUOTED_IDENTIFIERS_IGNORE_CASE":      {false, flag},
		"STATEMENT_TIMEOUT_IN_SECONDS":        {172800, number(0, 604800)},
		"STATEMENT_QUEUED_TIMEOUT_IN_SECONDS": {0, anyValue}, // statements do not queue
		"ABORT_DETACHED_QUERY":                {false, flag},
		"USE_CACHED_RESULT":                   {true, flag}, // nothing is cached
		"LOCK_TIMEOUT":                        {43200, nil},

		"TIMESTAMP_TYPE_MAPPING":           {"TIMESTAMP_NTZ", oneOf("TIMESTAMP_NTZ", "TIMESTAMP_LTZ", "TIMESTAMP_TZ")},
		"TIMESTAMP_DAY_IS_ALWAYS_24H":      {false, nil},
		"TIMESTAMP_OUTPUT_FORMAT":          {millis + " TZHTZM", values.ValidFormat},
		"TIMESTAMP_NTZ_OUTPUT_FORMAT":      {millis, values.ValidFormat},
		"TIMESTAMP_LTZ_OUTPUT_FORMAT":      {"", values.ValidFormat},
		"TIMESTAMP_TZ_OUTPUT_FORMAT":       {"", values.ValidFormat},
		"DATE_OUTPUT_FORMAT":               {"YYYY-MM-DD", values.ValidFormat},
		"TIME_OUTPUT_FORMAT":               {"HH24:MI:SS", values.ValidFormat},
		"BINARY_OUTPUT_FORMAT":             {"HEX", oneOf("HEX", "BASE64")},
		"TIMESTAMP_INPUT_FORMAT":           {"AUTO", values.ValidFormat},
		"DATE_INPUT_FORMAT":                {"AUTO", values.ValidFormat},
		"TIME_INPUT_FORMAT":                {"AUTO", values.ValidFormat},
		"BINARY_INPUT_FORMAT":              {"HEX", nil},
		"GEOGRAPHY_OUTPUT_FORMAT":          {"GeoJSON", nil},
		"GEOMETRY_OUTPUT_FORMAT":           {"GeoJSON", nil},
		"JSON_INDENT":                      {2, number(0, 16)},
		"STRICT_JSON_OUTPUT":               {false, nil},
		"WEEK_START":                       {0, number(0, 7)},
		"WEEK_OF_YEAR_POLICY":              {0, nil},
		"TWO_DIGIT_CENTURY_START":          {1970, nil},
		"DEFAULT_NULL_ORDERING":            {"LAST", nil},
		"SEARCH_PATH":                      {"$current, $public", nil},
		"ERROR_ON_NONDETERMINISTIC_MERGE":  {true, nil},
		"ERROR_ON_NONDETERMINISTIC_UPDATE": {false, nil},
		"TRANSACTION_ABORT_ON_ERROR":       {false, nil},

		"TRANSACTION_DEFAULT_ISOLATION_LEVEL":  {"READ COMMITTED", nil},
		"GO_QUERY_RESULT_FORMAT":               {"ARROW", oneOf("ARROW", "ARROW_FORCE", "JSON")},
		"PYTHON_CONNECTOR_QUERY_RESULT_FORMAT": {"ARROW", oneOf("ARROW", "ARROW_FORCE", "JSON")},

		"CLIENT_SESSION_KEEP_ALIVE": {false, flag}, "CLIENT_SESSION_KEEP_ALIVE_HEARTBEAT_FREQUENCY": {3600, anyValue},
		"CLIENT_STAGE_ARRAY_BINDING_THRESHOLD": {0, anyValue}, "CLIENT_TELEMETRY_ENABLED": {false, anyValue},
		"CLIENT_OUT_OF_BAND_TELEMETRY_ENABLED": {false, anyValue}, "CLIENT_RESULT_CHUNK_SIZE": {160, anyValue},
		"CLIENT_PREFETCH_THREADS": {4, anyValue}, "CLIENT_MEMORY_LIMIT": {1536, anyValue},
	}
}

// check returns the value of a parameter as it is stored, or the reason to refuse it.
func (e *Engine) check(name string, value any) (any, error) {
	p, known := e.parameters[name]
	text := fmt.Sprint(value)
	if !known {
		if strings.HasPrefix(name, "CLIENT_") || strings.Contains(name, "_QUERY_RESULT_FORMAT") {
			return value, nil // the drivers' own
		}
		return nil, sferr.New("001006", "22023", "SQL compilation error:\ninvalid parameter '"+name+"'")
	}
	if !strings.EqualFold(text, fmt.Sprint(p.standard)) {
		if p.accepts == nil {
			return nil, sferr.Unsupported("parameter %s with another value than %v", name, p.standard)
		}
		if !p.accepts(text) {
			return nil, sferr.New("001073", "22023", fmt.Sprintf("SQL compilation error:\ninvalid value [%v] for parameter '%s'", value, name))
		}
	}
	switch p.standard.(type) { // in the type of the default, whatever the client wrote
	case bool:
		return strings.EqualFold(text, "true"), nil
	case int:
		if n, err := strconv.Atoi(text); err == nil {
			return n, nil
		}
	}
	return text, nil
}

// levels are the parameters that ALTER ACCOUNT and ALTER USER have set. A session that sets
// one itself does not see them.
const (
	levelAccount = "ACCOUNT"
	levelUser    = "USER"
	levelSession = "SESSION"
)

// setParameter changes a parameter of the session, the user or the account; nil unsets it.
func (s *Session) setParameter(level, name string, value any) error {
	name = strings.ToUpper(name)
	if value != nil {
		checked, err := s.engine.check(name, value)
		if err != nil {
			return err
		}
		value = checked
	} else if _, known := s.engine.parameters[name]; !known {
		return sferr.New("001006", "22023", "SQL compilation error:\ninvalid parameter '"+name+"'")
	}
	if level != levelSession {
		s.engine.levelParams.set(level, name, value)
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if value == nil {
		delete(s.params, name)
	} else {
		s.params[name] = value
	}
	return nil
}

// lookUp returns the value of a parameter and the level that set it, "" for the default.
func (s *Session) lookUp(name string) (value any, level string) {
	s.mu.Lock()
	value, ok := s.params[name]
	s.mu.Unlock()
	if ok {
		return value, levelSession
	}
	for _, level := range []string{levelUser, levelAccount} {
		if value, ok := s.engine.levelParams.get(level, name); ok {
			return value, level
		}
	}
	return s.engine.parameters[name].standard, ""
}

// Param returns the value of a parameter as text.
func (s *Session) Param(name string) string {
	value, _ := s.lookUp(name)
	if value == nil {
		return ""
	}
	return fmt.Sprint(value)
}

func (s *Session) number(name string) int {
	n, _ := strconv.Atoi(s.Param(name)) // checked when it was set
	return n
}

// settings returns the parameters that conversions and date functions use.
func (s *Session) settings() values.Settings {
	return values.Settings{
		Zone: s.Param("TIMEZONE"), NTZ: s.Param("TIMESTAMP_NTZ_OUTPUT_FORMAT"), LTZ: s.Param("TIMESTAMP_LTZ_OUTPUT_FORMAT"),
		TZ: s.Param("TIMESTAMP_TZ_OUTPUT_FORMAT"), Timestamp: s.Param("TIMESTAMP_OUTPUT_FORMAT"),
		Date: s.Param("DATE_OUTPUT_FORMAT"), Time: s.Param("TIME_OUTPUT_FORMAT"), Binary: s.Param("BINARY_OUTPUT_FORMAT"),
		TimestampInput: s.Param("TIMESTAMP_INPUT_FORMAT"), DateInput: s.Param("DATE_INPUT_FORMAT"),
		TimeInput: s.Param("TIME_INPUT_FORMAT"), WeekStart: s.number("WEEK_START"),
	}
}

// timeout returns the session's STATEMENT_TIMEOUT_IN_SECONDS.
func (s *Session) timeout() (limit time.Duration, seconds string) {
	seconds = s.Param("STATEMENT_TIMEOUT_IN_SECONDS")
	n, err := strconv.Atoi(seconds)
	if err != nil || n <= 0 {
		n = 172800
	}
	return time.Duration(n) * time.Second, seconds
}

// NameValue is a parameter as the drivers read it.
type NameValue struct {
	Name  string `json:"name"`
	Value any    `json:"value"`
}

// ParamList lists all parameters with their values, in the order of their names.
func (s *Session) ParamList() []NameValue {
	names := sortedKeys(s.engine.parameters)
	s.mu.Lock()
	for name := range s.params {
		if _, known := s.engine.parameters[name]; !known {
			names = append(names, name)
		}
	}
	s.mu.Unlock()
	sort.Strings(names)
	out := make([]NameValue, len(names))
	for i, name := range names {
		value, _ := s.lookUp(name)
		out[i] = NameValue{name, value}
	}
	return out
}
