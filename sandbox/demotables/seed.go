//go:build cgo

// Package demotables makes the demo's tables in a sandbox Snowflake: customers, about 3 % of
// them with an invalid value, and purchases.
package demotables

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"tapline.dev/sandbox"
)

// Tables says what the demo's tables hold.
type Tables struct {
	Seed      int64
	Customers int64
	Purchases string // the file of the purchase log
}

// DefaultCustomers is how many customers are generated.
const DefaultCustomers = 100_000

// Changed is how many of them Change changes.
const Changed = 500

// Fill makes the tables; the newest change of a customer is at now.
func Fill(ctx context.Context, conn *sql.Conn, tables Tables, now time.Time) error {
	values, err := purchaseValues(tables.Purchases)
	if err != nil {
		return err
	}
	for _, text := range []string{
		`CREATE SCHEMA IF NOT EXISTS "SHOP"."DEMO"`,
		customersSQL(tables.Customers, tables.Seed, now.UnixNano()),
		expectedSQL(tables.Customers, tables.Seed),
		`CREATE OR REPLACE TABLE "SHOP"."PUBLIC"."PURCHASES"
		 (CUSTOMER_ID DECIMAL(38,0), BOUGHT_ON DATE, CDS DECIMAL(38,0), AMOUNT DECIMAL(10,2))`,
		`INSERT INTO "SHOP"."PUBLIC"."PURCHASES" VALUES ` + values,
	} {
		if _, err := conn.ExecContext(ctx, text); err != nil {
			return fmt.Errorf("filling the sandbox Snowflake: %w", err)
		}
	}
	return nil
}

// purchaseValues reads the purchase log: the customer's number in the full set,
// the one in the sample, the day, CDs and dollars.
func purchaseValues(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("opening the purchase log: %w; run the demo from the project's folder or name the file with --purchases", err)
	}
	defer func() { _ = file.Close() }() // only read
	var b strings.Builder
	lines := bufio.NewScanner(file)
	for n := 1; lines.Scan(); n++ {
		f := strings.Fields(lines.Text())
		if len(f) != 5 {
			return "", fmt.Errorf("line %d of %s has %d fields, not 5", n, path, len(f))
		}
		customer, err := strconv.Atoi(f[0])
		if err != nil {
			return "", fmt.Errorf("line %d of %s: %w", n, path, err)
		}
		day, err := time.Parse("20060102", f[2])
		if err != nil {
			return "", fmt.Errorf("line %d of %s: %w", n, path, err)
		}
		if n > 1 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "(%d, DATE '%s', %s, %s)", customer, day.Format(time.DateOnly), f[3], f[4])
	}
	if err := lines.Err(); err != nil {
		return "", fmt.Errorf("reading the purchase log: %w", err)
	}
	return b.String(), nil
}

// Change updates some valid customers; now becomes their time of change.
func Change(ctx context.Context, conn *sql.Conn, now time.Time) error {
	res, err := conn.ExecContext(ctx, fmt.Sprintf(`UPDATE "SHOP"."PUBLIC"."CUSTOMERS"
		SET PLAN = CASE PLAN WHEN 'platinum' THEN 'gold' ELSE 'platinum' END, SPEND = SPEND + 10.50,
		    UPDATED_AT = make_timestamp_ns(%d)
		WHERE ROW_NO IN (SELECT ROW_NO FROM "SHOP"."PUBLIC"."CUSTOMERS"
		  WHERE ROW_NO NOT IN (SELECT ROW_NO FROM "SHOP"."DEMO"."EXPECTED") ORDER BY ROW_NO LIMIT %d)`,
		now.UnixNano(), Changed))
	if err != nil {
		return fmt.Errorf("changing customers: %w", err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		return fmt.Errorf("changing customers: %w", err)
	}
	if n != Changed {
		return fmt.Errorf("changing customers: %d rows changed, not %d", n, Changed)
	}
	return nil
}

// Seed makes the demo's tables in a sandbox.
func Seed(ctx context.Context, snowflake *sandbox.Snowflake, tables Tables) error {
	conn, err := snowflake.Conn(ctx)
	if err != nil {
		return fmt.Errorf("reaching the sandbox's DuckDB: %w", err)
	}
	return errors.Join(Fill(ctx, conn, tables, time.Now().Add(-time.Minute)), conn.Close())
}
