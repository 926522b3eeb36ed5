// Package crash holds the tests that kill processes. They run the programs as processes,
// change the tables that they read, kill and stop them at random and at failpoints, and
// then check what CleverTap holds and what the log says.
//
// Every random choice follows from a seed, which is printed.
package crash
