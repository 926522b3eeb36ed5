package engine

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"tapline.dev/sandbox/internal/snowflake/sferr"
)

// defaultParams are the parameters of a new session that the drivers act on. Bulk binds
// through a stage are off: the sandbox has no stages.
func defaultParams() map[string]any {
	return map[string]any{
		"TIMEZONE": "America/Los_Angeles", "AUTOCOMMIT": true, "QUERY_TAG": "",
		"CLIENT_SESSION_KEEP_ALIVE": false, "CLIENT_SESSION_KEEP_ALIVE_HEARTBEAT_FREQUENCY": 3600,
		"CLIENT_STAGE_ARRAY_BINDING_THRESHOLD": 0, "CLIENT_TELEMETRY_ENABLED": false, "CLIENT_OUT_OF_BAND_TELEMETRY_ENABLED": false,
		"CLIENT_RESULT_CHUNK_SIZE": 160, "CLIENT_PREFETCH_THREADS": 4, "CLIENT_MEMORY_LIMIT": 1536,
		"GO_QUERY_RESULT_FORMAT": "ARROW", "PYTHON_CONNECTOR_QUERY_RESULT_FORMAT": "ARROW",
		"TIMESTAMP_TYPE_MAPPING": "TIMESTAMP_NTZ", "TIMESTAMP_OUTPUT_FORMAT": "YYYY-MM-DD HH24:MI:SS.FF3 TZHTZM",
		"TIMESTAMP_NTZ_OUTPUT_FORMAT": "YYYY-MM-DD HH24:MI:SS.FF3", "TIMESTAMP_LTZ_OUTPUT_FORMAT": "", "TIMESTAMP_TZ_OUTPUT_FORMAT": "",
		"DATE_OUTPUT_FORMAT": "YYYY-MM-DD", "TIME_OUTPUT_FORMAT": "HH24:MI:SS", "BINARY_OUTPUT_FORMAT": "HEX",
		"TIMESTAMP_INPUT_FORMAT": "AUTO", "DATE_INPUT_FORMAT": "AUTO", "TIME_INPUT_FORMAT": "AUTO",
		"STATEMENT_TIMEOUT_IN_SECONDS": 172800, "MULTI_STATEMENT_COUNT": 1,
	}
}

// fixedParams are those that decide results and that the sandbox obeys in their default only.
func fixedParams() map[string]string {
	const millis = "YYYY-MM-DD HH24:MI:SS.FF3"
	return map[string]string{
		"ROWS_PER_RESULTSET": "0", "QUOTED_IDENTIFIERS_IGNORE_CASE": "false", "SEARCH_PATH": "$current, $public", "DEFAULT_NULL_ORDERING": "LAST",
		"TIMESTAMP_TYPE_MAPPING": "TIMESTAMP_NTZ", "TIMESTAMP_DAY_IS_ALWAYS_24H": "false", "TWO_DIGIT_CENTURY_START": "1970",
		"WEEK_START": "0", "WEEK_OF_YEAR_POLICY": "0", "DATE_INPUT_FORMAT": "AUTO", "TIME_INPUT_FORMAT": "AUTO", "TIMESTAMP_INPUT_FORMAT": "AUTO",
		"DATE_OUTPUT_FORMAT": "YYYY-MM-DD", "TIME_OUTPUT_FORMAT": "HH24:MI:SS", "TIMESTAMP_OUTPUT_FORMAT": millis + " TZHTZM",
		"TIMESTAMP_LTZ_OUTPUT_FORMAT": millis + " TZHTZM", "TIMESTAMP_TZ_OUTPUT_FORMAT": millis + " TZHTZM", "TIMESTAMP_NTZ_OUTPUT_FORMAT": millis,
		"BINARY_INPUT_FORMAT": "HEX", "BINARY_OUTPUT_FORMAT": "HEX", "GEOGRAPHY_OUTPUT_FORMAT": "GeoJSON", "GEOMETRY_OUTPUT_FORMAT": "GeoJSON",
		"STRICT_JSON_OUTPUT": "false", "TRANSACTION_ABORT_ON_ERROR": "false", "TRANSACTION_DEFAULT_ISOLATION_LEVEL": "READ COMMITTED",
	}
}

// set changes a parameter. Formats and modes the sandbox would not obey are refused.
func (s *Session) set(name string, value any) error {
	name = strings.ToUpper(name)
	standard, fixed := fixedParams()[name]
	s.mu.Lock()
	defer s.mu.Unlock()
	if fixed && !strings.EqualFold(standard, fmt.Sprint(value)) {
		return sferr.Unsupported("session parameter %s with another value", name)
	}
	if name == "TIMEZONE" {
		if _, err := time.LoadLocation(fmt.Sprint(value)); err != nil {
			return sferr.New("001073", "22023", fmt.Sprintf("SQL compilation error:\ninvalid value [%v] for parameter 'TIMEZONE'", value))
		}
	}
	s.params[name] = value
	return nil
}

// Param is the value of a parameter as text.
func (s *Session) Param(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return fmt.Sprint(s.params[name])
}

// zone is the session's TIMEZONE.
func (s *Session) zone() string { return s.Param("TIMEZONE") }

// timeout is the session's STATEMENT_TIMEOUT_IN_SECONDS.
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

// ParamList lists all parameters with their values.
func (s *Session) ParamList() []NameValue {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]NameValue, 0, len(s.params))
	for name, value := range s.params {
		out = append(out, NameValue{name, value})
	}
	return out
}
