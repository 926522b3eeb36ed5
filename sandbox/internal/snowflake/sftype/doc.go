// Package sftype describes Snowflake's types and the DuckDB types that hold their values.
package sftype
