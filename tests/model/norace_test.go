//go:build !race

package model

const histories = 300

// raced reports whether the race detector slows everything down.
const raced = false
