// Package sandbox stands in for the two services that Tapline connects: Snowflake, as a
// server that speaks its drivers' protocol in front of DuckDB, and CleverTap, with its
// upload rules and quirks. It is for development and tests. It shares no code with the
// pipeline and knows neither imports nor mappings, so that tests against it are an
// independent check.
package sandbox
