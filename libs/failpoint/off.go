//go:build !failpoint

package failpoint

// Enabled reports whether this build has failpoints.
const Enabled = false

// Hit does nothing.
func Hit(string) {}

// Mistake is false.
func Mistake(string) bool { return false }
