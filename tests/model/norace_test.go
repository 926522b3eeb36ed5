//go:build !race

package model

const histories = 300

// raced tells whether the race detector slows everything down.
const raced = false
