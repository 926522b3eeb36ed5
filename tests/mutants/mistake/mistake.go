// Package mistake says which deliberate mistake a process was started with. Only
// files that package mutants has patched import it.
package mistake

import "os"

// Variable names the environment variable that chooses the mistake.
const Variable = "TAPLINE_MISTAKE"

var chosen = os.Getenv(Variable)

// On reports whether the mistake of this name is to be made.
func On(name string) bool { return chosen == name }
