// Package kafka is the only importer of franz-go. It offers what Tapline's run
// protocol needs and nothing else: producers whose every error counts,
// transactions that any failed produce aborts, consumers that read committed
// records only, and "read to its end", on which takeovers rest.
//
// It is not an abstraction over brokers: records are franz-go's own.
package kafka
