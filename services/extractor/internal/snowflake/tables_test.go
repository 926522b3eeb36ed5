package snowflake

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tapline.dev/schemas"
)

// listing is an answer to SHOW: its columns and rows.
type listing struct {
	columns []string
	rows    [][]any
	missing int // rows that the answer claims beyond those
}

func objects(names ...string) listing {
	out := listing{columns: []string{"created_on", "name", "database_name", "schema_name", "kind", "comment", "rows"}}
	for i, name := range names {
		out.rows = append(out.rows, []any{"", name, "SHOP", "PUBLIC", "TABLE", "", fmt.Sprint(i)})
	}
	return out
}

func TestTables(t *testing.T) {
	t.Parallel()
	count := func(n int64) *int64 { return &n }
	at := func(name string) schemas.TablePlace {
		return schemas.TablePlace{Database: "SHOP", Schema: "PUBLIC", Name: name}
	}
	withColumns := objects("A_B", "AXB")
	columns := listing{columns: []string{"table_name", "column_name", "data_type"}, rows: [][]any{
		{"A_B", "ID", `{"type":"FIXED","precision":38,"scale":0,"nullable":false}`},
		{"A_B", "EMAIL", `{"type":"TEXT","length":16,"nullable":true}`},
	}}
	own := objects("T")
	own.rows = append(own.rows, []any{"", "TABLES", "SHOP", "INFORMATION_SCHEMA", "VIEW", "", nil})
	partial := objects("T")
	partial.missing = 1
	for name, tc := range map[string]struct {
		query   schemas.TablesQuery
		answers map[string]listing // by statement
		want    schemas.TableList
		refused bool
	}{
		"pages are in the order of names": {
			query:   schemas.TablesQuery{Level: schemas.LevelTable, Rows: 1, After: &schemas.TablePlace{Database: "SHOP", Schema: "PUBLIC", Name: "A"}},
			answers: map[string]listing{"SHOW OBJECTS IN ACCOUNT": objects("C", "A", "B")},
			want:    schemas.TableList{Items: []schemas.Table{{TablePlace: at("B"), Kind: "TABLE", Rows: count(2)}}, Next: &schemas.TablePlace{Database: "SHOP", Schema: "PUBLIC", Name: "B"}},
		},
		"an underscore is no wildcard, and a name alone shows columns": {
			query: schemas.TablesQuery{Level: schemas.LevelTable, Rows: 9, Database: "SHOP", Schema: "PUBLIC", Name: "a_b"},
			answers: map[string]listing{
				`SHOW OBJECTS LIKE 'a_b' IN SCHEMA "SHOP"."PUBLIC"`: withColumns,
				`SHOW COLUMNS IN TABLE "SHOP"."PUBLIC"."A_B"`:       columns,
			},
			want: schemas.TableList{Items: []schemas.Table{{TablePlace: at("A_B"), Kind: "TABLE", Rows: count(0), Columns: []schemas.TableColumn{
				{Name: "ID", Type: "NUMBER(38,0)"}, {Name: "EMAIL", Type: "TEXT", Nullable: true},
			}}}},
		},
		"nothing ends the literal or the identifier": {
			query:   schemas.TablesQuery{Level: schemas.LevelTable, Rows: 9, Database: `x" y`, Name: `*'\x`},
			answers: map[string]listing{`SHOW OBJECTS LIKE '%__x' IN DATABASE "x"" y"`: objects()},
			want:    schemas.TableList{Items: []schemas.Table{}},
		},
		"Snowflake's own views are left out": {
			query: schemas.TablesQuery{Level: schemas.LevelTable, Rows: 9}, answers: map[string]listing{"SHOW OBJECTS IN ACCOUNT": own},
			want: schemas.TableList{Items: []schemas.Table{{TablePlace: at("T"), Kind: "TABLE", Rows: count(0)}}},
		},
		"an answer in parts is said to be incomplete": {
			query: schemas.TablesQuery{Level: schemas.LevelTable, Rows: 9}, answers: map[string]listing{"SHOW OBJECTS IN ACCOUNT": partial},
			want: schemas.TableList{Items: []schemas.Table{{TablePlace: at("T"), Kind: "TABLE", Rows: count(0)}},
				Incomplete: "there is more than one answer of Snowflake holds; name a database and a schema, or a longer pattern"},
		},
		"databases": {
			query:   schemas.TablesQuery{Level: schemas.LevelDatabase, Rows: 9},
			answers: map[string]listing{"SHOW DATABASES": {columns: []string{"name"}, rows: [][]any{{"SHOP"}}}},
			want:    schemas.TableList{Items: []schemas.Table{{TablePlace: schemas.TablePlace{Database: "SHOP"}, Kind: "DATABASE"}}},
		},
		"schemas": {
			query:   schemas.TablesQuery{Level: schemas.LevelSchema, Rows: 9, Database: "SHOP"},
			answers: map[string]listing{`SHOW SCHEMAS IN DATABASE "SHOP"`: {columns: []string{"name", "database_name"}, rows: [][]any{{"PUBLIC", "SHOP"}}}},
			want:    schemas.TableList{Items: []schemas.Table{{TablePlace: schemas.TablePlace{Database: "SHOP", Schema: "PUBLIC"}, Kind: "SCHEMA"}}},
		},
		"a database that is not there": {query: schemas.TablesQuery{Level: schemas.LevelTable, Database: "NOPE"}, refused: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			s.listings = tc.answers
			got, err := s.open().Tables(t.Context(), tc.query)
			var refused *Error
			if tc.refused {
				if !errors.As(err, &refused) || !refused.Permanent || refused.Reason != `there is no DATABASE "NOPE" in Snowflake, or the connection's role may not see it` {
					t.Errorf("the error is %v", err)
				}
				return
			}
			if diff := cmp.Diff(tc.want, got); err != nil || diff != "" {
				t.Errorf("(-want +got):\n%s%v", diff, err)
			}
		})
	}
}
