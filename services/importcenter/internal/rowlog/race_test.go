//go:build race

package rowlog_test

// raced: with the race detector, which makes everything slower, a part of what make
// test-large does is enough.
const raced = true
