package sandbox_test

import (
	"testing"
)

// TestSumsByHash: rows are counted and their hashes summed in several groupings at once.
// A hash is a number of 64 bits, the same for equal values, and NULL is a value.
func TestSumsByHash(t *testing.T) {
	t.Parallel()
	db := newWorld(t, nil).open(t, nil)
	mustExec(t, db, `create table h (id varchar, n number(10,2), at timestamp_ntz)`)
	mustExec(t, db, `insert into h values ('a', 1.5, '2026-01-01 10:00:00'), ('b', null, '2026-01-02 10:00:00'), ('b', null, '2026-01-02 10:00:00')`)
	rows, err := db.Query(`SELECT b.O AS "O", b.B AS "B", b.C1 AS "C1", COUNT(*) AS "N", SUM(b.H) AS "H", SUM(b.L * b.L) AS "Q" FROM (SELECT CASE WHEN a.E < 5 THEN 1 ELSE 0 END AS O, a.E - MOD(a.E, 86400) AS B, BITAND(a.H, 4095) AS C1, a.H AS H, BITAND(a.H, 2147483647) AS L FROM (SELECT DATE_PART(EPOCH_SECOND, src."AT") + 62135596800 AS E, HASH(src."ID", src."N", src."AT") AS H FROM (
select * from h
) AS src) AS a WHERE a.E IS NOT NULL AND a.E < 99999999999) AS b GROUP BY GROUPING SETS ((b.O, b.B), (b.O, b.C1))`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	groups, byDay := 0, int64(0)
	for rows.Next() {
		var old, n int64
		var day, c1, hash, square *string
		if err := rows.Scan(&old, &day, &c1, &n, &hash, &square); err != nil {
			t.Fatal(err)
		}
		if groups++; day != nil {
			byDay += n
		}
		if (day == nil) == (c1 == nil) || hash == nil || square == nil || old != 0 {
			t.Errorf("a group has %v, %v, %v, %v", day, c1, hash, square)
		}
	}
	if err := rows.Err(); err != nil || groups != 4 || byDay != 3 {
		t.Errorf("%d groups, %d rows by day, %v", groups, byDay, err)
	}
}
