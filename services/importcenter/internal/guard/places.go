package guard

import "sync"

// Places bounds how many long requests each caller has under way, so that one
// caller who asks again and again leaves room for the others. It is safe for
// concurrent use.
type Places struct {
	most int

	mu    sync.Mutex
	taken map[string]int
}

// NewPlaces returns places for so many requests of each caller.
func NewPlaces(most int) *Places { return &Places{most: most, taken: map[string]int{}} }

// Take takes a place for the caller, which leave gives back; call it once. ok is
// false if the caller has no place left.
func (p *Places) Take(caller string) (leave func(), ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.taken[caller] >= p.most {
		return nil, false
	}
	p.taken[caller]++
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.taken[caller]--; p.taken[caller] == 0 {
			delete(p.taken, caller)
		}
	}, true
}
