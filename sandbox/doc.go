// Package sandbox stands in for the two services that Tapline connects: Snowflake, as a
// server that speaks its drivers' protocol in front of DuckDB, and CleverTap, with its
// upload rules and quirks. It is for development and tests. It knows nothing of imports
// and mappings, so that what it says of a pipeline is an independent opinion.
package sandbox
