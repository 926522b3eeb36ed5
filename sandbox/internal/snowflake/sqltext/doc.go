// Package sqltext reads Snowflake's SQL into a tree of nodes and writes nodes as DuckDB's.
package sqltext
