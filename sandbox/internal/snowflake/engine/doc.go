// Package engine runs Snowflake's SQL on DuckDB: sessions and their parameters, the catalogue
// with Snowflake's types, and the execution of statements. It is for development and tests;
// it is not a warehouse, and it holds one user.
//
// A statement comes from package wire to execute.go, which finds out its kind. Package
// rewrite turns Snowflake's spelling into DuckDB's; selects.go, change.go, create.go,
// alter.go or show.go run it; package resultset encodes the rows.
//
// # What it holds
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
// Parameters of session, user and account are obeyed or refused (parameters.go); those of
// user and account live as long as the process.
//
// # What it refuses
//
// Everything that it does not know, with Snowflake's code: functions outside its list
// (002140), tables outside its catalogue (002003), stages, PUT, COPY, multi-statement
// requests, IN over TIMESTAMP_TZ, comparison of and arithmetic with DECFLOAT.
//
// # Where it differs
//
// GROUP BY and DISTINCT take two TIMESTAMP_TZ of the same moment and different offsets for
// two values. ORDER BY, MIN and MAX of a bare VARIANT go by its JSON text; numbers beyond
// a double lose digits inside a path of a VARIANT. Lengths, NOT NULL and OBJECT or ARRAY
// in the metadata of a result are known for plain columns. A NUMBER has one carrier in all
// chunks of a result, where Snowflake's may differ; the switch varyCarriers has it so.
//
// # Hand-made results
//
// SELECT * FROM TABLE(TAPLINE_FIXTURE('name')), alone or inside selects that only choose
// columns, serves fixtures/name.json with exactly its carriers and metadata: numbers,
// timestamps, nulls, others, carriers (in chunks), empty.
package engine
