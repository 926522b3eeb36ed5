// Package rewrite turns Snowflake's spelling of a statement into DuckDB's.
package rewrite
