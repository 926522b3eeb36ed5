// Package capacity tests the loader's guarantees at the size at which it is
// used: a million versions, half a million records, three loaders as processes of
// their own, on a real Kafka and Redis. `make test-capacity` runs it, and nothing
// beside it, because each of its tests keeps a machine busy.
package capacity
