package sandbox_test

import (
	"math/big"
	"testing"
)

// rat is a number without the zeros at its end.
func rat(text string) string {
	number, ok := new(big.Rat).SetString(text)
	if !ok {
		return text
	}
	return number.RatString()
}

// TestQuotientsOfAggregates: sums and counts are NUMBERs of a known scale, so that the averages
// that people write themselves have Snowflake's digits.
func TestQuotientsOfAggregates(t *testing.T) {
	t.Parallel()
	db := newWorld(t, nil).open(t, nil)
	mustExec(t, db, "create table sums (g varchar, n number(10,0), m number(10,2))")
	mustExec(t, db, "insert into sums values ('a', 1, 10.00), ('a', 2, 20.01), ('a', 2, null), ('b', null, 5.00)")
	for text, want := range map[string]string{
		"sum(m) / count(*)":                         "8.75250000",
		"sum(m) / 3":                                "11.67000000",
		"round(sum(m) / count(m), 2)":               "11.67",
		"sum(n) / count(distinct n)":                "2.500000",
		"sum(distinct n) / 2":                       "1.500000",
		"max(n + m) / 2":                            "11.00500000",
		"max(coalesce(n, m)) / 2":                   "2.50000000",
		"sum(iff(g = 'a', m, 0))":                   "30.01",
		"count(distinct g, n)":                      "2",
		"count(g, n)":                               "3",
		"sum(count(*)) over () / 2":                 "2.000000",
		"count_if(n = 2) / nullif(count(*), 0) > 0": "true",
	} {
		got := texts(t, db, "select "+text+" from sums")
		if text == "sum(count(*)) over () / 2" {
			got = texts(t, db, "select "+text+" from sums group by g")
		}
		if number, ok := new(big.Rat).SetString(got[0][0]); got[0][0] != want && (!ok || number.RatString() != rat(want)) {
			t.Errorf("%s = %s, want %s", text, got[0][0], want)
		}
	}
	for text, code := range map[string]int{
		"select $1 from sums": 2,
		"select datediff(fortnight, current_date, current_date)": 1045,
		"select date_trunc('fortnight', current_date)":           1045,
		"select date_part(fortnight, current_date) from sums":    1045,
	} {
		if _, err := db.QueryContext(t.Context(), text); snowflakeCode(err) != code {
			t.Errorf("%s: %v, want %d", text, err, code)
		}
	}
	if got := texts(t, db, "select null::number, null::number(10,2) + 1, true::varchar, null::varchar is null"); got[0][2] != "true" || got[0][3] != "true" {
		t.Errorf("casts of words: %v", got)
	}
}
