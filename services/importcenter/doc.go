// Package importcenter is the service that people and their tools talk to: an
// HTTP API over definitions, runs and rejects.
//
// It writes the imports, resources, commands and audit topics and nothing else: a
// request becomes a record in the log, and the service that acts on it reads it
// there. A request that writes goes through internal/writer, which fences other
// replicas, reads the log to its end and only then decides (internal/plan), so that
// two people who apply at once are served one after the other and a set of
// documents is taken whole or not at all.
//
// Runs and the listing come from the Redis projection that the scheduler keeps, and from
// the log when Redis does not answer. Rejects are found with an index, a file that is built
// from their topic (internal/rejects).
package importcenter
