//go:build race

package model

// histories is fewer where each costs five times as much.
const histories = 80

// raced reports whether the race detector slows everything down.
const raced = true
