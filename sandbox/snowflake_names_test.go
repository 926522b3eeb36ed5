package sandbox_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestNamesThatDifferInCase has them in one table, in one query, and through a query inside.
func TestNamesThatDifferInCase(t *testing.T) {
	t.Parallel()
	db := newWorld(t, nil).open(t, nil)
	mustExec(t, db, `create table mixed ("id" number, id number, "Id" varchar(3))`)
	mustExec(t, db, `insert into mixed ("Id", id, "id") values ('x', 1, 2)`)
	mustExec(t, db, `create table lower ("id" number)`)
	mustExec(t, db, `insert into lower values (5)`)
	for text, want := range map[string][][]string{
		`select "id", id, "Id" from mixed`:                                        {{"2", "1", "x"}},
		`select * from mixed`:                                                     {{"2", "1", "x"}},
		`select m."id" - m.id from mixed m where "Id" = 'x'`:                      {{"1"}},
		`select x."id", x.id from (select "id", "id" + 1 as id from lower) x`:     {{"5", "6"}},
		`select "a", a from (select 1 as a, 2 as "a")`:                            {{"2", "1"}},
		`with t("a", a) as (select 1, 2) select a, "a" from t`:                    {{"2", "1"}},
		`select value from table(flatten(parse_json('[7]'))) order by value desc`: {{"7"}},
	} {
		if diff := cmp.Diff(want, texts(t, db, text)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
	rows, err := db.QueryContext(t.Context(), "select * from mixed")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	names, err := rows.Columns()
	if diff := cmp.Diff([]string{"id", "ID", "Id"}, names); err != nil || diff != "" {
		t.Errorf("columns (-want +got):\n%s%v", diff, err)
	}
	for text, code := range map[string]int{
		`select "ID" from lower`:                           904,
		`select "x" from (select 1 as x)`:                  904,
		`create table twice (a number, a number)`:          2025,
		`create table twice as select 1 as a, 2 as a`:      2025,
		`create view twice as select 1 as a, 2 as a`:       2025,
		`select a from (select 1 as a, 2 as a)`:            1040,
		`select x.id from (select * from lower, mixed) x`:  0, // only one column is called ID
		`select "id" from (select * from lower, mixed)`:    1040,
		`with x as (select 1 a, 2 a) select max(a) from x`: 1040,
	} {
		rows, err := db.QueryContext(t.Context(), text)
		if snowflakeCode(err) != code {
			t.Errorf("%s = %v, want code %d", text, err, code)
		}
		if err == nil && rows.Close() != nil {
			t.Error("closing rows failed")
		}
	}
	rows, err = db.QueryContext(t.Context(), "select * from (select 1 as a, 2 as a)")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	if names, err := rows.Columns(); err != nil || !cmp.Equal(names, []string{"A", "A"}) {
		t.Errorf("two columns of one name are %v, %v", names, err)
	}
}

// TestVariantsPrintAsSnowflakes has the numbers whose texts differ from JSON's usual ones.
func TestVariantsPrintAsSnowflakes(t *testing.T) {
	t.Parallel()
	db := newWorld(t, nil).open(t, nil)
	for text, want := range map[string]string{
		"to_variant(1.1::float)":                       "1.100000000000000e+00",
		"parse_json('1.1')":                            "1.1",
		"parse_json('1e3')":                            "1.000000000000000e+03",
		"parse_json('1e3')::varchar":                   "1000",
		"to_variant(1.5::float)::float":                "1.5",
		"object_construct('a', 2::float, 'b', 'e1e1')": "{\n  \"a\": 2.000000000000000e+00,\n  \"b\": \"e1e1\"\n}",
		"parse_json('123456789012345678901234567890')": "123456789012345678901234567890",
	} {
		if got := texts(t, db, "select "+text); got[0][0] != want {
			t.Errorf("%s = %s, want %s", text, got[0][0], want)
		}
	}
}
