// Package loader sends the records of every import to CleverTap.
//
// One goroutine for each membership of the consumer group, the loop, owns the
// scheduling state: partitions (order, locked identities, committed prefix) and
// destinations (accounts, and the uploads that wait for them). It takes events and
// never waits for anything else. Requests, reports, leases, commits and Kafka's
// callbacks are tasks beside it, which post events and touch nothing of its state.
//
// The path of a record, in one direction: consume polls it, a lane holds it, dispatch
// cuts a batch when the account has a free slot and it is the import's turn, send
// writes the intent and then the request, the packages clevertap and delivery make
// an outcome for each record of the answer, receipt makes the rejects and then the
// receipt durable, commit frees the identities and commits the prefix of settled
// batches. After an assignment, takeover reads what earlier owners reported of offsets
// past the committed one.
//
// It upholds these invariants of the design: 1 (an offset is committed only
// after its outcome is durable), 3 (every record ends in one counted outcome), 4
// (uploads of one identity keep their order), 6 (SIGTERM drains, SIGKILL loses
// nothing), 7 (requests in flight per account), 8 (no transient fault rejects a
// record), 9 (nothing of a record in logs, metrics or spans).
package loader
