package engine

import "sync"

// levelParameters holds the parameters that ALTER ACCOUNT and ALTER USER have set. They
// last until the sandbox ends.
type levelParameters struct {
	mu     sync.Mutex
	levels map[string]map[string]any
}

func newLevelParameters() *levelParameters {
	return &levelParameters{levels: map[string]map[string]any{levelAccount: {}, levelUser: {}}}
}

func (i *levelParameters) get(level, name string) (any, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	value, ok := i.levels[level][name]
	return value, ok
}

// AlterAccount sets a parameter as ALTER ACCOUNT does; nil unsets it.
func (e *Engine) AlterAccount(name string, value any) error {
	return (&Session{engine: e}).setParameter(levelAccount, name, value)
}

// set changes a parameter; nil unsets it.
func (i *levelParameters) set(level, name string, value any) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if value == nil {
		delete(i.levels[level], name)
		return
	}
	i.levels[level][name] = value
}
