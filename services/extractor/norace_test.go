//go:build !race

package extractor

// raced: the race detector allocates for itself.
const raced = false
