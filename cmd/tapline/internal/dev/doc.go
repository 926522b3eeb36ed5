// Package dev runs the whole pipeline in one process: embedded Kafka on disk,
// embedded Redis, the sandbox Snowflake and CleverTap, and every service by its
// own New and Run. It has no second implementation of anything.
//
// It needs cgo, for the sandbox's DuckDB; without cgo the package is empty.
//
// Kafka here survives a SIGTERM, which Close turns into a clean end, but not
// every SIGKILL: the windows of idempotent producers are saved on Close only.
// Redis forgets everything; the projection heals itself from the log.
package dev
