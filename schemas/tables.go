package schemas

// MaxTablesPage bounds how many databases, schemas or tables one listing shows.
const MaxTablesPage = 1000

// Levels of a listing of what a connection sees.
const (
	LevelDatabase = "database"
	LevelSchema   = "schema"
	LevelTable    = "table"
)

// TablesQuery says what of Snowflake is listed. Database and Schema are names as
// Snowflake stores them; without them the listing is not bounded by them.
type TablesQuery struct {
	Level    string `json:"level"`
	Database string `json:"database,omitempty"`
	Schema   string `json:"schema,omitempty"`
	// Name is a name at the level, in any case; * stands for any characters. A table
	// whose name is given without * is listed with its columns.
	Name string `json:"name,omitempty"`
	Rows int    `json:"rows"` // at most
	// After is the place in the listing after which it continues.
	After *TablePlace `json:"after,omitempty"`
}

// TablePlace names a table, or a database or schema above one.
type TablePlace struct {
	Database string `json:"database"`
	Schema   string `json:"schema,omitempty"`
	Name     string `json:"name,omitempty"`
}

// TableList is what a connection sees at one level, ordered by name.
type TableList struct {
	Items []Table `json:"items"`
	// Next is the place after which there are more; nil at the end.
	Next *TablePlace `json:"next,omitempty"`
	// Incomplete says why the listing does not hold all that there is.
	Incomplete string `json:"incomplete,omitempty"`
	Millis     int64  `json:"millis"` // at Snowflake, without the sign-in
}

// Table is a table or a view, or a database or schema, of which Name is empty.
type Table struct {
	TablePlace
	Kind string `json:"kind"` // as Snowflake says, such as TABLE, VIEW, SCHEMA or DATABASE
	// Rows is how many rows a table has as Snowflake keeps count; nil for a view.
	Rows    *int64        `json:"rows,omitempty"`
	Columns []TableColumn `json:"columns,omitempty"`
}

// TableColumn is a column of a table.
type TableColumn struct {
	Name     string `json:"name"`
	Type     string `json:"type"` // such as NUMBER(38,0) or TEXT
	Nullable bool   `json:"nullable"`
}
