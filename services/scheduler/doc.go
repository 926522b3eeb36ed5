// Package scheduler decides when an import runs, and when a run is over. It
// writes triggers from definitions, commands and the clock, folds the stages'
// reports into counts, closes a run when the counts meet, and moves the
// watermark. It shows all of it in Redis.
//
// A report's way through this package: (*Service).Run owns control partitions as
// a member of a consumer group; partition.(*Owner) takes one over (fence, read,
// act) and steps; book.(*Book) holds the rules; fold.Apply counts. One Kafka
// transaction holds what a step changed, and the position up to which it read.
//
// If it dies at any instant, the next owner of the partition fences what was
// under way and goes on from the log. Redis follows afterwards, from the log too.
//
// # What becomes of a command
//
// Whoever writes a command of kind run or backfill finds its run by the command's
// ID in the import's state:
//
//   - active.key is the ID: the run is active.run.
//   - queued.key is the ID: the run waits; it will be <import>.<lastNumber+1>, and
//     the runs topic and Redis show it under that name as queued.
//   - keys contains the ID, but it is neither active.key nor queued.key: if a run
//     is queued, the command collapsed into that run, <import>.<lastNumber+1>. If
//     none is queued, the command's run has ended: <import>.<lastNumber>.
//   - keys does not contain the ID: the scheduler has not processed the command
//     yet, or has dropped it, because the import is unknown or a run of another
//     window is already queued.
//
// A cancel names the active run or the queued one by these names. pause, resume
// and reset show as paused, epoch and keys.
//
// A run of an import with after: always shows as queued for a few seconds, and
// until the named imports are in no run.
//
// A paused import starts nothing, neither by a schedule nor by a command: the ID
// of a refused command is in the state's refused. Instants that fell due during a
// pause are not run later.
package scheduler
