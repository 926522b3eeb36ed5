//go:build race

package mapper

// raced: the race detector allocates for itself.
const raced = true
