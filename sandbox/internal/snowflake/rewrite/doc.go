// Package rewrite translates a statement from Snowflake's SQL to DuckDB's.
package rewrite
