//go:build !race

package rowlog_test

const raced = false
