package engine

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"tapline.dev/sandbox/internal/snowflake/rewrite"
	"tapline.dev/sandbox/internal/snowflake/sferr"
)

type errorRule struct {
	pattern *regexp.Regexp
	make    func(m []string) *sferr.Error
}

func errorRules() []errorRule {
	re := regexp.MustCompile
	fixed := func(code, state, format string) func(m []string) *sferr.Error {
		return func(m []string) *sferr.Error {
			message := format
			for i := 1; i < len(m); i++ {
				message = strings.ReplaceAll(message, fmt.Sprintf("$%d", i), m[i])
			}
			return sferr.New(code, state, message)
		}
	}
	return []errorRule{
		{re(`(?s)` + sferr.CodedPrefix + `\|(\d+)\|(\w+)\|(.*)\|`), func(m []string) *sferr.Error { return sferr.New(m[1], m[2], m[3]) }},
		{re(`Table with name "?([^"!]+?)"? does not exist`), func(m []string) *sferr.Error { return sferr.NotFound("Object", m[1]) }},
		{re(`View with name "?([^"!]+?)"? does not exist`), func(m []string) *sferr.Error { return sferr.NotFound("Object", m[1]) }},
		{re(`(?:Schema|Catalog) with name "?([^"!]+?)"? does not exist`), func(m []string) *sferr.Error { return sferr.NotFound("Schema", m[1]) }},
		{re(`Catalog "([^"]+)" does not exist`), func(m []string) *sferr.Error { return sferr.NotFound("Database", m[1]) }},
		{re(`(?:Scalar|Table|Aggregate) Function with name "?([^"! ]+)"? does not exist`), func(m []string) *sferr.Error { return sferr.UnknownFunction(strings.ToUpper(m[1])) }},
		{re(`No function matches the given name and argument types '([^']*)'`), fixed("001044", "42P13", "SQL compilation error:\nInvalid argument types for function '$1'")},
		{re(`Referenced column "([^"]+)" not found`), func(m []string) *sferr.Error { return sferr.InvalidIdentifier(m[1]) }},
		{re(`(?:Table|table) "?([^"]+?)"? does not have a column (?:with name|named) "([^"]+)"`), func(m []string) *sferr.Error { return sferr.InvalidIdentifier(m[2]) }},
		{re(`Referenced table "([^"]+)" not found`), func(m []string) *sferr.Error { return sferr.InvalidIdentifier(m[1]) }},
		{re(`Referenced (?:update )?column "?([^" ]+)"? not found`), func(m []string) *sferr.Error { return sferr.InvalidIdentifier(m[1]) }},
		{re(`Ambiguous reference to column name "([^"]+)"`), fixed("001040", "42601", "SQL compilation error:\nambiguous column name '$1'")},
		{re(`column "([^"]+)" must appear in the GROUP BY`), fixed("000979", "42601", "SQL compilation error:\n[$1] is not a valid group by expression")},
		{re(`(?:Table|View|Schema) with name "?([^"!]+?)"? already exists`), fixed("002002", "42710", "SQL compilation error:\nObject '$1' already exists.")},
		{re(`NOT NULL constraint failed: (?:\S+\.)?(\S+)`), fixed("100072", "22000", "NULL result in a non-nullable column")},
		{re(`CHECK constraint failed`), fixed("100078", "22000", "String is too long and would be truncated")},
		{re(`Could not convert string ["']\d{4}-\d\d-\d\d[^"']*["'] to INT64|Could not convert Timestamp\((?:US|MS|S)\) to Timestamp\(NS\)`), fixed("100051", "22003", "The sandbox holds TIMESTAMP_NTZ(9) as nanoseconds of 1678 to 2261; declare the column with precision 6 or less for other years")},
		{re(`(?i)malformed json`), fixed("100069", "22P02", "Error parsing JSON")},
		{re(`Could not convert string "([^"]*)" to (?:DECIMAL|INT|DOUBLE|FLOAT|BIGINT|HUGEINT)`), fixed("100038", "22018", "Numeric value '$1' is not recognized")},
		{re(`Could not convert string '([^']*)' to (?:DECIMAL|INT|DOUBLE|FLOAT|BIGINT|HUGEINT)`), fixed("100038", "22018", "Numeric value '$1' is not recognized")},
		{re(`Could not convert string '([^']*)' to BOOL`), fixed("100037", "22018", "Boolean value '$1' is not recognized")},
		{re(`(?:date field value out of range|invalid date field format): "([^"]*)"`), fixed("100040", "22007", "Date '$1' is not recognized")},
		{re(`(?:timestamp field value out of range|invalid timestamp field format): "([^"]*)"`), fixed("100035", "22007", "Timestamp '$1' is not recognized")},
		{re(`(?:time field value out of range): "([^"]*)"`), fixed("100108", "22007", "Time '$1' is not recognized")},
		{re(`(?i)could not cast value|type .* with value .* can't be cast|out of range|overflow`), fixed("100039", "22003", "Numeric value is out of range")},
		{re(`(?i)division by zero`), fixed("100051", "22012", "Division by zero")},
		{re(`syntax error at or near "([^"]*)"`), fixed("001003", "42000", "SQL compilation error:\nsyntax error unexpected '$1'.")},
		{re(`syntax error at end of input`), fixed("001003", "42000", "SQL compilation error:\nsyntax error unexpected '<EOF>'.")},
		{re(`^Parser Error: (?s)(.*)`), fixed("001003", "42000", "SQL compilation error:\n$1")},
		{re(`^(?:Binder|Catalog) Error: (?s)(.*)`), fixed("001007", "22023", "SQL compilation error:\n$1")},
		{re(`^Conversion Error: (?s)(.*)`), fixed("100132", "P0000", "$1")},
		{re(`(?i)transaction.*conflict|conflict on`), fixed("000625", "57014", "Statement was aborted because a conflicting transaction holds the rows")},
	}
}

// Translate turns an error of DuckDB into one of Snowflake's.
func (e *Engine) Translate(err error) *sferr.Error {
	var own *sferr.Error
	if errors.As(err, &own) {
		return own
	}
	text := rewrite.UnmarkedText(err.Error())
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || strings.Contains(text, "INTERRUPT") {
		return sferr.Canceled
	}
	for _, rule := range e.errorRules {
		if m := rule.pattern.FindStringSubmatch(text); m != nil {
			return rule.make(m)
		}
	}
	return sferr.New("300010", "XX000", "The sandbox could not run the statement: "+text)
}
