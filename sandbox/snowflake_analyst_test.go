package sandbox_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"math/big"
	"os"
	"strings"
	"testing"

	"github.com/snowflakedb/gosnowflake"
)

// analystTables are a few rows of TPC-H's tables and what the statements change.
const analystTables = `
create database tpch;
create table orders (o_orderkey number, o_custkey number, o_orderstatus varchar(1), o_totalprice number(12,2), o_orderdate date, o_orderpriority varchar, o_clerk varchar, o_shippriority number, o_comment varchar);
insert into orders values (1, 10, 'O', 173665.47, '1996-01-02', '5-LOW', 'Clerk#1', 0, 'a'), (2, 10, 'O', 46929.18, '1996-12-01', '1-URGENT', 'Clerk#2', 0, 'b'), (3, 11, 'F', 193846.25, '1993-10-14', '5-LOW', 'Clerk#1', 0, 'c'), (4, 12, 'P', 405432.10, '1995-10-11', '2-HIGH', 'Clerk#3', 1, 'd'), (5, 12, 'F', 144659.20, '1994-07-30', '5-LOW', 'Clerk#2', 0, 'e');
create table customer (c_custkey number, c_name varchar, c_mktsegment varchar, c_acctbal number(12,2), c_nationkey number);
insert into customer values (10, 'Customer#10', 'BUILDING', 711.56, 15), (11, 'Customer#11', 'MACHINERY', 121.65, 13), (12, 'Customer#12', 'BUILDING', -9.50, 1);
create table tt (id number, v variant, n number(10,2));
create view vv as select o_custkey, sum(o_totalprice) as s from orders group by o_custkey;
create table t2 as select o_orderkey, o_totalprice from orders`

// wantedShare is how much of the statements and of the functions must be answered.
const wantedShare = 0.9

func analyst(t *testing.T) *sql.DB {
	t.Helper()
	db := newWorld(t, nil).open(t, func(c *gosnowflake.Config) { c.Database, c.Schema = "", "" })
	db.SetMaxOpenConns(1)
	for text := range strings.SplitSeq(analystTables, ";") {
		mustExec(t, db, text)
	}
	return db
}

func cases(t *testing.T, file string) []string {
	t.Helper()
	data, err := os.ReadFile("testdata/analyst/" + file)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for line := range strings.SplitSeq(string(data), "\n") {
		if line != "" && !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "--") {
			out = append(out, line)
		}
	}
	return out
}

// TestAnalystsStatements runs what people try first. A statement that is refused must be
// refused with one of Snowflake's codes, never with an error of DuckDB's.
func TestAnalystsStatements(t *testing.T) {
	t.Parallel()
	db := analyst(t)
	statements := cases(t, "statements.sql")
	answered := 0
	for _, text := range statements {
		err := drain(t.Context(), db, text)
		if err == nil {
			answered++
			continue
		}
		if code := snowflakeCode(err); code == 0 || code == 300010 || code == 300005 {
			t.Errorf("%s: %v", text, err)
		}
		t.Logf("refused: %s: %v", text, err)
	}
	t.Logf("%d of %d statements run", answered, len(statements))
	if float64(answered) < wantedShare*float64(len(statements)) {
		t.Errorf("only %d of %d statements run", answered, len(statements))
	}
}

func drain(ctx context.Context, db *sql.DB, text string) error {
	rows, err := db.QueryContext(ctx, text)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		continue
	}
	return rows.Err()
}

// TestAnalystsFunctions compares with what is documented. A wrong answer fails; a refusal
// counts against the share.
func TestAnalystsFunctions(t *testing.T) {
	t.Parallel()
	db := analyst(t)
	functions := cases(t, "functions.txt")
	answered := 0
	for _, line := range functions {
		text, want, _ := strings.Cut(line, " => ")
		got, err := cell(t.Context(), db, "select "+text)
		switch {
		case err != nil:
			t.Logf("refused: %s: %v", text, err)
			if code := snowflakeCode(err); code == 0 || code == 300010 || code == 300005 {
				t.Errorf("%s: %v", text, err)
			}
		case want != "?" && !sameAnswer(got, want):
			t.Errorf("%s = %q, want %q", text, got, want)
		default:
			answered++
		}
	}
	t.Logf("%d of %d functions are answered", answered, len(functions))
	if float64(answered) < wantedShare*float64(len(functions)) {
		t.Errorf("only %d of %d functions are answered", answered, len(functions))
	}
}

func cell(ctx context.Context, db *sql.DB, text string) (string, error) {
	rows, err := db.QueryContext(gosnowflake.WithHigherPrecision(ctx), text)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	var v any
	if rows.Next() {
		if err := rows.Scan(&v); err != nil {
			return "", err
		}
	}
	return show(v), rows.Err()
}

// sameAnswer compares an answer with the text of a documented one: None, True, numbers by
// their value, times by their digits, JSON without its blanks.
func sameAnswer(got, want string) bool {
	plain := func(s string) string {
		switch s {
		case "None", "∅":
			return "null"
		case "True", "False":
			return strings.ToLower(s)
		}
		if json.Valid([]byte(s)) && strings.ContainsAny(s, "{[") {
			return strings.Join(strings.Fields(s), "")
		}
		s = strings.TrimSuffix(strings.Replace(s, "T", " ", 1), "Z")
		s = strings.TrimPrefix(s, "0001-01-01 ") // the driver's day of a TIME
		return strings.TrimSuffix(s, " 00:00:00")
	}
	if got == want || plain(got) == plain(want) {
		return true
	}
	a, ok1 := new(big.Rat).SetString(got)
	b, ok2 := new(big.Rat).SetString(want)
	return ok1 && ok2 && a.Cmp(b) == 0
}
