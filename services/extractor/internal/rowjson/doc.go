// Package rowjson turns Snowflake's Arrow chunks into the rows of the rows
// topic: one flat JSON object per row, every column present, in the order of
// the query, values exact.
//
// Invariant 5: a value is written with every digit it has or the row is
// unreadable; nothing is rounded, clipped or guessed.
//
// A column's Arrow type is not fixed by its Snowflake type. The meaning comes
// from the field's metadata and from the result's column list; the carrier is
// whatever the chunk brings.
package rowjson
