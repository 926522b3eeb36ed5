// Package harness runs Tapline as its users do, for tests: the programs, built
// once, as processes on loopback, in a directory of the test's own.
package harness
