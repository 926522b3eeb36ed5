// Package wire serves the protocol of Snowflake's drivers over HTTP: sessions, tokens, statements,
// polling, chunks, and the sandbox's endpoints for faults and logs.
package wire
