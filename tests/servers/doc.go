// Package servers runs the servers that Tapline's users run, for tests: Apache
// Kafka from its jars and redis-server, as processes on loopback. They need no
// container engine: java and Maven for the one, Debian's redis-server for the
// other.
//
// TAPLINE_TEST_KAFKA and TAPLINE_TEST_REDIS name running servers to use instead.
package servers
