// Package sqltext parses Snowflake's SQL into a tree of nodes and prints nodes as DuckDB's SQL.
package sqltext
