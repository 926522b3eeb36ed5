// Package crash holds the tests that kill. They run the programs as processes,
// change what they read, kill, stop and starve them at random and at named
// moments, and then compare what CleverTap holds and what the log says with what
// must be.
//
// Every random choice follows from a seed, which is printed.
package crash
