// Package dev runs the whole pipeline in one process: embedded Kafka on disk,
// embedded Redis, the sandbox Snowflake and CleverTap, and every service by its
// own New and Run. It has no second implementation of anything.
//
// It needs cgo, for the sandbox's DuckDB; without cgo the package is empty.
//
// The embedded Kafka and Redis keep their data over a clean end (Ctrl-C or
// SIGTERM), but not all of it over a SIGKILL: Kafka saves the state of idempotent
// producers only when it is closed, and so does Redis its data. A Redis that starts
// empty loses the ledger; the projection is computed again from the log.
package dev
