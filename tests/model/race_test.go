//go:build race

package model

// histories is fewer where each costs five times as much: what these find is races, and
// make test-large runs the others.
const histories = 24

// raced reports whether the race detector slows everything down.
const raced = true
