package sandbox_test

import (
	"path/filepath"
	"testing"

	"github.com/snowflakedb/gosnowflake"

	"tapline.dev/sandbox"
)

// TestResultsOutliveARestart shows that a result is fetchable, chunk by chunk, after the
// sandbox ended and started again on the same database.
func TestResultsOutliveARestart(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "shop.duckdb")
	onDisk := func(c *sandbox.SnowflakeConfig) { c.DatabaseFile = file }
	ids := make(chan string, 1)
	t.Run("before", func(t *testing.T) {
		db := newWorld(t, onDisk).open(t, nil)
		rows, err := db.QueryContext(gosnowflake.WithQueryIDChan(t.Context(), ids), "select seq4() as n, 'ü' as t from table(generator(rowcount => 2500))")
		if err != nil {
			t.Fatal(err)
		}
		if err := rows.Close(); err != nil {
			t.Fatal(err)
		}
	})
	id := <-ids
	t.Run("after", func(t *testing.T) {
		w := newWorld(t, onDisk)
		db := w.open(t, nil)
		rows, err := db.QueryContext(gosnowflake.WithFetchResultByID(t.Context(), id), "")
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		want := 0
		for rows.Next() {
			var n int
			var text string
			if err := rows.Scan(&n, &text); err != nil {
				t.Fatal(err)
			}
			if n != want || text != "ü" {
				t.Fatalf("row %d holds %d, %q", want, n, text)
			}
			want++
		}
		if err := rows.Err(); err != nil || want != 2500 {
			t.Errorf("%d rows by query id, %v; want 2500", want, err)
		}
	})
}
