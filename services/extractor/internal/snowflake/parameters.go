package snowflake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// results are the session parameters that decide what a statement's result is, each
// with the value that Snowflake documents as its default. An account or a user may
// have others, which hold for every session that does not say otherwise: a
// ROWS_PER_RESULTSET of 1000 cuts the result and the total that is announced alike,
// so that no count would tell. docs/session-parameters.md goes through Snowflake's
// whole list.
var results = map[string]string{
	"ROWS_PER_RESULTSET":             "0",
	"QUOTED_IDENTIFIERS_IGNORE_CASE": "false",
	"SEARCH_PATH":                    "$current, $public",
	"DEFAULT_NULL_ORDERING":          "LAST",

	"TIMEZONE":                         "UTC",
	"TIMESTAMP_TYPE_MAPPING":           "TIMESTAMP_NTZ",
	"TIMESTAMP_DAY_IS_ALWAYS_24H":      "false",
	"TWO_DIGIT_CENTURY_START":          "1970",
	"WEEK_START":                       "0",
	"WEEK_OF_YEAR_POLICY":              "0",
	"DATE_INPUT_FORMAT":                "AUTO",
	"TIME_INPUT_FORMAT":                "AUTO",
	"TIMESTAMP_INPUT_FORMAT":           "AUTO",
	"DATE_OUTPUT_FORMAT":               "YYYY-MM-DD",
	"TIME_OUTPUT_FORMAT":               "HH24:MI:SS",
	"TIMESTAMP_OUTPUT_FORMAT":          "YYYY-MM-DD HH24:MI:SS.FF3 TZHTZM",
	"TIMESTAMP_LTZ_OUTPUT_FORMAT":      "YYYY-MM-DD HH24:MI:SS.FF3 TZHTZM",
	"TIMESTAMP_TZ_OUTPUT_FORMAT":       "YYYY-MM-DD HH24:MI:SS.FF3 TZHTZM",
	"TIMESTAMP_NTZ_OUTPUT_FORMAT":      "YYYY-MM-DD HH24:MI:SS.FF3",
	"BINARY_INPUT_FORMAT":              "HEX",
	"BINARY_OUTPUT_FORMAT":             "HEX",
	"GEOGRAPHY_OUTPUT_FORMAT":          "GeoJSON",
	"GEOMETRY_OUTPUT_FORMAT":           "GeoJSON",
	"JSON_INDENT":                      "2",
	"STRICT_JSON_OUTPUT":               "false",
	"ERROR_ON_NONDETERMINISTIC_MERGE":  "true",
	"ERROR_ON_NONDETERMINISTIC_UPDATE": "false",

	"AUTOCOMMIT":                          "true",
	"TRANSACTION_ABORT_ON_ERROR":          "false",
	"TRANSACTION_DEFAULT_ISOLATION_LEVEL": "READ COMMITTED",
}

// readBack are those whose being ignored would lose rows or change values without
// any other sign.
var readBack = []string{
	"DEFAULT_NULL_ORDERING", "QUOTED_IDENTIFIERS_IGNORE_CASE", "ROWS_PER_RESULTSET", "TIMESTAMP_TYPE_MAPPING", "TIMEZONE",
	"TWO_DIGIT_CENTURY_START", "WEEK_OF_YEAR_POLICY", "WEEK_START",
}

// parameters are all that a session is opened with.
func parameters(cfg Config, tag Tag) (map[string]string, error) {
	text, err := json.Marshal(tag)
	if err != nil {
		return nil, fmt.Errorf("writing the query tag: %w", err)
	}
	out := maps.Clone(results)
	maps.Copy(out, map[string]string{
		"QUERY_TAG":                           string(text),
		"MULTI_STATEMENT_COUNT":               "1",
		"ABORT_DETACHED_QUERY":                "true",
		"STATEMENT_TIMEOUT_IN_SECONDS":        seconds(cfg.StatementTimeout),
		"STATEMENT_QUEUED_TIMEOUT_IN_SECONDS": seconds(cfg.QueuedTimeout),
		"CLIENT_RESULT_CHUNK_SIZE":            strconv.Itoa(cfg.ChunkMegabytes),
		"client_session_keep_alive":           "true",
	})
	return out, nil
}

func seconds(d time.Duration) string { return strconv.FormatInt(int64(d/time.Second), 10) }

// checkParameters refuses a session in which a parameter is not what was asked
// for. A server that does not know the statement has no parameters either:
// Snowflake's own always knows it.
func (s *Session) checkParameters(ctx context.Context) error {
	const sql = "SHOW PARAMETERS IN SESSION"
	loader, err := s.arrow.QueryArrowStream(ctx, sql)
	if err != nil {
		err = s.translate(ctx, "reading the session's parameters", err)
		if e := new(Error); errors.As(err, &e) && e.Code == CodeQuery {
			return nil
		}
		return err
	}
	key, value := -1, -1
	for i, c := range columnsOf(loader) {
		switch strings.ToLower(c.Name) {
		case "key":
			key = i
		case "value":
			value = i
		}
	}
	if key < 0 || value < 0 {
		return &Error{Code: CodeUnreadable, Permanent: true, Reason: "the answer to " + sql + " has other columns than it should"}
	}
	for _, row := range loader.JSONData() {
		if key >= len(row) || value >= len(row) || row[key] == nil || row[value] == nil {
			continue
		}
		name := strings.ToUpper(*row[key])
		if slices.Contains(readBack, name) && !strings.EqualFold(*row[value], results[name]) {
			return &Error{Code: CodeConnection, Permanent: true, Reason: fmt.Sprintf(
				"Snowflake does not take over the session's parameters: %s is %q where %q was asked for", name, *row[value], results[name])}
		}
	}
	return nil
}
