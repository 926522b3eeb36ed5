//go:build cgo

package demo

import (
	"context"
	"database/sql"
	"fmt"
)

// The expected values: what CleverTap should hold according to the mapping, computed in
// SQL as JSON texts. A NULL is a property that the profile does not have.

// profileSQL is the SQL of each property of a profile, in any order. Numbers keep their
// digits.
var profileSQL = []struct{ name, sql string }{
	{"Name", "to_json(NAME)::VARCHAR"},
	{"Email", "to_json(EMAIL)::VARCHAR"},
	{"Phone", "to_json(PHONE)::VARCHAR"},
	{"Gender", "to_json(GENDER)::VARCHAR"},
	{"Employed", "to_json(EMPLOYED)::VARCHAR"},
	{"Education", "to_json(EDUCATION)::VARCHAR"},
	{"Married", "to_json(MARRIED)::VARCHAR"},
	{"DOB", `'"$D_' || (epoch(strptime(BORN, '%Y/%m/%d'))::BIGINT + 43200) || '"'`},
	{"MSG-sms", "CASE WHEN lower(SMS_CONSENT) IN ('1', 'true') THEN 'true' WHEN SMS_CONSENT IS NOT NULL THEN 'false' END"},
	{"plan tier", "to_json(PLAN)::VARCHAR"},
	{"visits", "VISITS::BIGINT::VARCHAR"},
	{"total spend", "SPEND::VARCHAR"},
	{"last change", `'"$D_' || (epoch_ns(UPDATED_AT) // 1000000000) || '"'`},
	{"source", `'"snowflake"'`},
}

// profile is the JSON text of each property, by name.
type profile map[string]string

// expectedProfiles returns the profiles of the valid customers by identity.
func expectedProfiles(ctx context.Context, conn *sql.Conn) (map[string]profile, error) {
	list := "CUSTOMER_ID::VARCHAR"
	for _, p := range profileSQL {
		list += ", " + p.sql
	}
	rows, err := conn.QueryContext(ctx, `SELECT `+list+` FROM "SHOP"."PUBLIC"."CUSTOMERS"
		WHERE ROW_NO NOT IN (SELECT ROW_NO FROM "SHOP"."DEMO"."EXPECTED")`)
	if err != nil {
		return nil, fmt.Errorf("computing the expected profiles: %w", err)
	}
	defer func() { _ = rows.Close() }() // its error is rows.Err's
	out := map[string]profile{}
	var identity string
	values := make([]sql.NullString, len(profileSQL))
	into := []any{&identity}
	for i := range values {
		into = append(into, &values[i])
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return nil, fmt.Errorf("computing the expected profiles: %w", err)
		}
		p := make(profile, len(values))
		for i, v := range values {
			if v.Valid {
				p[profileSQL[i].name] = v.String
			}
		}
		out[identity] = p
	}
	return out, rows.Err()
}

// event is a purchase as CleverTap holds it.
type event struct {
	identity, name string
	ts             int64
	cds, amount    string
}

// expectedEvents returns how often each event should be there: two equal purchases are
// two events.
func expectedEvents(ctx context.Context, conn *sql.Conn) (map[event]int, error) {
	rows, err := conn.QueryContext(ctx, `SELECT CUSTOMER_ID::VARCHAR, epoch(BOUGHT_ON)::BIGINT + 43200, CDS::VARCHAR, AMOUNT::VARCHAR, count(*)
		FROM "SHOP"."PUBLIC"."PURCHASES" GROUP BY ALL`)
	if err != nil {
		return nil, fmt.Errorf("computing the expected events: %w", err)
	}
	defer func() { _ = rows.Close() }() // its error is rows.Err's
	out := map[event]int{}
	for rows.Next() {
		e := event{name: "Purchase"}
		var n int
		if err := rows.Scan(&e.identity, &e.ts, &e.cds, &e.amount, &n); err != nil {
			return nil, fmt.Errorf("computing the expected events: %w", err)
		}
		out[e] = n
	}
	return out, rows.Err()
}

// expectedRejects returns the codes of the invalid customers by row number.
func expectedRejects(ctx context.Context, conn *sql.Conn) (map[string]string, error) {
	rows, err := conn.QueryContext(ctx, `SELECT ROW_NO::VARCHAR, CODE FROM "SHOP"."DEMO"."EXPECTED"`)
	if err != nil {
		return nil, fmt.Errorf("reading the invalid customers: %w", err)
	}
	defer func() { _ = rows.Close() }() // its error is rows.Err's
	out := map[string]string{}
	for rows.Next() {
		var row, code string
		if err := rows.Scan(&row, &code); err != nil {
			return nil, fmt.Errorf("reading the invalid customers: %w", err)
		}
		out[row] = code
	}
	return out, rows.Err()
}

// count runs a query whose result is one number.
func count(ctx context.Context, conn *sql.Conn, query string, args ...any) (int64, error) {
	var n int64
	if err := conn.QueryRowContext(ctx, query, args...).Scan(&n); err != nil {
		return 0, fmt.Errorf("counting rows: %w", err)
	}
	return n, nil
}
