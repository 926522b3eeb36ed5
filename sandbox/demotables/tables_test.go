//go:build cgo

package demotables

import (
	"log/slog"
	"testing"
	"time"

	"tapline.dev/sandbox"
)

// filled is a sandbox in memory that holds the demo's tables.
func filled(t *testing.T, number int64) *sandbox.Snowflake {
	t.Helper()
	cfg := sandbox.DefaultSnowflakeConfig()
	s, err := sandbox.NewSnowflake(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if err := Seed(t.Context(), s, Tables{Seed: number, Customers: DefaultCustomers, Purchases: "../../data/cdnow_sample.txt"}); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSeed(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	conn, err := filled(t, 1).Conn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	for query, want := range map[string][2]int64{
		`SELECT count(*) FROM "SHOP"."PUBLIC"."CUSTOMERS"`:                                                                                      {100_000, 100_000},
		`SELECT count(*) FROM "SHOP"."DEMO"."EXPECTED"`:                                                                                         {2_500, 3_500},
		`SELECT count(DISTINCT CODE) FROM "SHOP"."DEMO"."EXPECTED"`:                                                                             {12, 14},
		`SELECT min(n) FROM (SELECT count(*) AS n FROM "SHOP"."DEMO"."EXPECTED" GROUP BY CODE)`:                                                 {50, 1000},
		`SELECT count(*) FROM "SHOP"."PUBLIC"."PURCHASES"`:                                                                                      {6_919, 6_919},
		`SELECT count(*) FROM (SELECT count(*) AS n FROM "SHOP"."PUBLIC"."PURCHASES" GROUP BY CUSTOMER_ID, BOUGHT_ON, CDS, AMOUNT) WHERE n > 1`: {19, 19},
		`SELECT count(DISTINCT UPDATED_AT) FROM "SHOP"."PUBLIC"."CUSTOMERS"`:                                                                    {99_000, 100_000},
		`SELECT count(*) FROM "SHOP"."PUBLIC"."CUSTOMERS" WHERE UPDATED_AT > now()::TIMESTAMP`:                                                  {0, 0},
	} {
		var n int64
		err := conn.QueryRowContext(ctx, query).Scan(&n)
		if err != nil || n < want[0] || n > want[1] {
			t.Errorf("%s = %d, %v; want %v", query, n, err, want)
		}
	}
	if err := Change(ctx, conn, time.Now()); err != nil {
		t.Error(err)
	}
}

func TestSeedIsDeterministic(t *testing.T) {
	t.Parallel()
	sums := map[string]int{}
	for _, number := range []int64{7, 7, 8} {
		conn, err := filled(t, number).Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var sum string
		err = conn.QueryRowContext(t.Context(), `SELECT md5(string_agg(to_json(c)::VARCHAR, '' ORDER BY ROW_NO))
			FROM (SELECT * EXCLUDE (UPDATED_AT) FROM "SHOP"."PUBLIC"."CUSTOMERS") AS c`).Scan(&sum)
		if err != nil {
			t.Fatal(err)
		}
		sums[sum]++
		_ = conn.Close()
	}
	if len(sums) != 2 {
		t.Errorf("three tables of the seeds 7, 7 and 8 have %d different contents, want 2", len(sums))
	}
}

func TestInvalidValuesNameColumns(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, c := range columns() {
		known[c.name] = true
	}
	for _, r := range InvalidValues() {
		if !known[r.Column] {
			t.Errorf("the invalid value for %s is of %s, which is no column", r.Code, r.Column)
		}
	}
}
