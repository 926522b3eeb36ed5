// Package loader sends the records of every import to CleverTap.
//
// A record's way: consume pushes it into its partition's lane; dispatch cuts a
// batch from the lane when the account has a free slot and it is the import's
// turn; attempt writes the intent, then the request; settle makes the rejects,
// then the receipt durable; commit stores the contiguous prefix of settled
// batches as the group's offset. After an assignment recover reads what earlier
// owners reported past that offset.
//
// It upholds these invariants of the design: 1 (an offset is committed only
// after its outcome is durable), 3 (every record ends in one counted outcome), 4
// (uploads of one identity keep their order), 6 (SIGTERM drains, SIGKILL loses
// nothing), 7 (requests in flight per account), 8 (no transient fault rejects a
// record), 9 (nothing of a record in logs, metrics or spans).
package loader
