// Package engine runs Snowflake's SQL on DuckDB: sessions and their parameters, the catalogue
// with Snowflake's types, and the execution of statements. It is for development and tests;
// it is no data warehouse, and it has one user.
//
// A statement comes from package wire to execute.go, which finds out its kind. Package
// rewrite turns Snowflake's spelling into DuckDB's; selects.go, change.go, create.go,
// alter.go or show.go run it; package resultset encodes the rows.
//
// # Types
//
// NUMBER(p,s) is DECIMAL(p,s), FLOAT is DOUBLE, VARIANT, OBJECT and ARRAY are JSON.
// TIMESTAMP_NTZ and TIME have every precision; a TIMESTAMP_NTZ of more than six digits holds
// the nanoseconds of 1678 to 2261, and becomes whole microseconds of every year when a row
// outside of these arrives (widen.go). TIMESTAMP_LTZ and TIMESTAMP_TZ are structs of seconds,
// nanoseconds and, for TZ, the offset. DECFLOAT, GEOGRAPHY and MAP are texts in a struct,
// VECTOR is an array. A value or a declaration that does not fit is an error. Comparisons of
// instants go by the moment, whatever the offset.
//
// # Parameters
//
// Each parameter of session, user and account either has its effect or is refused
// (parameters.go). Those of user and account last until the process ends.
//
// # What it does not support
//
// It answers these with Snowflake's error code: functions that are not in its list
// (002140), tables that are not in its catalogue (002003), stages, PUT, COPY, multi-statement
// requests, IN over TIMESTAMP_TZ, comparison of and arithmetic with DECFLOAT.
//
// # Differences from Snowflake
//
// GROUP BY and DISTINCT take two TIMESTAMP_TZ of the same moment and different offsets for
// two values. ORDER BY, MIN and MAX of a bare VARIANT go by its JSON text; numbers beyond
// a double lose digits inside a path of a VARIANT. Lengths, NOT NULL and OBJECT or ARRAY
// in the metadata of a result are known for plain columns. A NUMBER has one carrier in all
// chunks of a result, where Snowflake's may differ between chunks; the fault varyCarriers
// imitates that.
//
// # Hand-made results
//
// SELECT * FROM TABLE(TAPLINE_FIXTURE('name')), alone or inside selects that only choose
// columns, serves fixtures/name.json with exactly its carriers and metadata: numbers,
// timestamps, nulls, others, carriers (in chunks), empty.
package engine
