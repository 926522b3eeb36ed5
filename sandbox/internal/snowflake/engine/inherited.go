package engine

import "sync"

// inherited are the parameters of the account and of its user, which live as long as the
// sandbox runs.
type inherited struct {
	mu     sync.Mutex
	levels map[string]map[string]any
}

func newInherited() *inherited {
	return &inherited{levels: map[string]map[string]any{levelAccount: {}, levelUser: {}}}
}

func (i *inherited) get(level, name string) (any, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	value, ok := i.levels[level][name]
	return value, ok
}

// set changes a parameter; nil unsets it.
func (i *inherited) set(level, name string, value any) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if value == nil {
		delete(i.levels[level], name)
		return
	}
	i.levels[level][name] = value
}
