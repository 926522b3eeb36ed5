// Package tablefile reads CSV and NDJSON files as columns of texts with the Snowflake types
// that hold every value exactly. A file that could be read in two ways is refused with the
// line and the reason.
package tablefile
