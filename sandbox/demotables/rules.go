//go:build cgo

package demotables

import (
	"fmt"
	"regexp"
	"strings"
)

// InvalidValue is a value that makes a customer's row invalid: its column and the code
// with which the row must be rejected.
type InvalidValue struct {
	Code   string
	Column string
	Value  string // SQL over the customer's number i
}

// InvalidValues returns all of them; about 3 % of the customers have one.
func InvalidValues() []InvalidValue {
	return []InvalidValue{
		{"identity_missing", "CUSTOMER_ID", "NULL"},
		{"identity_denied", "CUSTOMER_ID", "-(i % 2)"},
		{"null_rejected", "NAME", "NULL"},
		{"email_invalid", "EMAIL", "'customer' || i || ' at example.com'"},
		{"phone_invalid", "PHONE", "'+12'"},
		{"gender_invalid", "GENDER", "'unknown'"},
		{"employed_invalid", "EMPLOYED", "'maybe'"},
		{"education_invalid", "EDUCATION", "'Kindergarten'"},
		{"married_invalid", "MARRIED", "'often'"},
		{"date_format", "BORN", "'1980-13-45'"},
		{"msg_flag_invalid", "SMS_CONSENT", "'yes'"},
		{"value_too_long", "PLAN", "repeat('x', 513)"},
		{"type_mismatch", "VISITS", "'many'"},
		{"out_of_range", "VISITS", "'9223372036854775808'"},
	}
}

// column is a column of CUSTOMERS: its type in DuckDB and the value of a valid
// customer. h(k) is a number from 0 to 999,999 for the customer and salt k.
type column struct {
	name, typ, valid string
}

func columns() []column {
	return []column{
		{"ROW_NO", "DECIMAL(38,0)", "i"},
		{"CUSTOMER_ID", "DECIMAL(38,0)", "i"},
		{"NAME", "VARCHAR", "first || ' ' || last"},
		{"EMAIL", "VARCHAR", "CASE WHEN h(2) % 20 > 0 THEN 'customer' || i || '@example.com' END"},
		{"PHONE", "VARCHAR", "CASE WHEN h(3) % 4 > 0 THEN '+91' || (9000000000 + i) END"},
		{"GENDER", "VARCHAR", "CASE WHEN h(4) % 5 > 0 THEN ['M', 'F'][1 + h(4) % 2] END"},
		{"EMPLOYED", "VARCHAR", "['Y', 'N'][1 + h(5) % 2]"},
		{"EDUCATION", "VARCHAR", "['School', 'College', 'Graduate', NULL][1 + h(6) % 4]"},
		{"MARRIED", "VARCHAR", "['Y', 'N', NULL][1 + h(7) % 3]"},
		{"BORN", "VARCHAR", "CASE WHEN h(8) % 10 > 0 THEN strftime(DATE '1940-01-01' + (h(8) % 24000)::INTEGER, '%Y/%m/%d') END"},
		{"SMS_CONSENT", "VARCHAR", "['0', '1', 'true', 'FALSE'][1 + h(9) % 4]"},
		{"PLAN", "VARCHAR", "['free', 'silver', 'gold', 'platinum'][1 + h(10) % 4]"},
		{"VISITS", "VARCHAR", "(h(11) % 500)::VARCHAR"},
		{"SPEND", "DECIMAL(12,2)", "(h(12) / 100)::DECIMAL(12,2)"},
		{"PREFERENCES", "JSON", `('{"newsletter":' || (h(13) % 2 = 0) || ',"topics":["music","' || ['books', 'films'][1 + h(13) % 2] || '"]}')::JSON`},
		// A random time within the year before newest, to the nanosecond, different for
		// each customer.
		{"UPDATED_AT", "TIMESTAMP_NS", "make_timestamp_ns(newest - (h(14) * 31536000000)::BIGINT - i)"},
	}
}

// invalidPercent is the share of customers with an invalid value.
const invalidPercent = 3

// customersSQL returns the SQL that creates the table. The seed determines everything
// but the timestamps.
func customersSQL(count, seed, newest int64) string {
	var list []string
	for _, c := range columns() {
		value := c.valid
		var cases []string
		for n, r := range InvalidValues() {
			if r.Column == c.name {
				cases = append(cases, fmt.Sprintf("WHEN %d THEN %s", n, r.Value))
			}
		}
		if len(cases) > 0 {
			value = fmt.Sprintf("CASE rule %s ELSE %s END", strings.Join(cases, " "), value)
		}
		list = append(list, fmt.Sprintf("CAST(%s AS %s) AS %s", value, c.typ, c.name))
	}
	return fmt.Sprintf(`CREATE OR REPLACE TABLE "SHOP"."PUBLIC"."CUSTOMERS" AS
WITH broken AS (%s),
named AS (SELECT i, rule, %d AS seed, %d::BIGINT AS newest,
  ['Aarav', 'Zoë', 'Diya', 'José', 'Meera', 'O''Neil', 'Anna <3', 'Kiran', 'Ümit', 'Lee & Sons'][1 + (hash(i, 0, %[2]d) %% 10)::BIGINT] AS first,
  ['Sharma', 'Müller', 'Khan', 'García', 'Iyer', 'Smith', 'Das', '"Quote"', 'Ng', 'Łuczak'][1 + (hash(i, 1, %[2]d) %% 10)::BIGINT] AS last
  FROM broken)
SELECT %[4]s FROM named ORDER BY i`, invalidSQL(count, seed), seed, newest, expandHash(strings.Join(list, ",\n  ")))
}

// invalidSQL returns a query with each customer's number and, as rule, the index of the
// invalid value that the customer has; -1 for none.
func invalidSQL(count, seed int64) string {
	return fmt.Sprintf(`SELECT i, CASE WHEN hash(i, 100, %d) %% 100 < %d THEN (hash(i, 101, %d) %% %d)::INTEGER ELSE -1 END AS rule
  FROM range(1, %d) AS t(i)`, seed, invalidPercent, seed, len(InvalidValues()), count+1)
}

// hashCall matches h(k).
var hashCall = regexp.MustCompile(`\bh\((\d+)\)`)

// expandHash replaces each h(k) by a hash of the customer, the salt k and the seed.
func expandHash(sql string) string {
	return hashCall.ReplaceAllString(sql, "(hash(i, $1, seed) % 1000000)::BIGINT")
}

// expectedSQL returns the SQL that creates the table of the rows with invalid values. No
// import reads that table.
func expectedSQL(count, seed int64) string {
	var codes []string
	for _, r := range InvalidValues() {
		codes = append(codes, "'"+r.Code+"'")
	}
	return fmt.Sprintf(`CREATE OR REPLACE TABLE "SHOP"."DEMO"."EXPECTED" AS
SELECT i::DECIMAL(38,0) AS ROW_NO, [%s][1 + rule] AS CODE FROM (%s) WHERE rule >= 0`,
		strings.Join(codes, ", "), invalidSQL(count, seed))
}
