// Package wire serves the protocol of Snowflake's drivers over HTTP: sessions, tokens, statements,
// polling, chunks, and the switches and logs of the sandbox.
package wire
