// Package turns shares slots by weighted fair queueing: a turn costs an import
// 1/weight, and the import with the lowest sum of costs goes next. An import that was
// idle gains no credit.
package turns

// Turns holds the sum of each import. It is not safe for concurrent use.
type Turns struct {
	paid  map[string]float64
	floor float64 // the sum of the import that took the last turn, before that turn
}

// New returns Turns in which every sum is zero.
func New() *Turns { return &Turns{paid: map[string]float64{}} }

// First returns which of the names goes next; ok is false without names.
func (t *Turns) First(names []string) (first string, ok bool) {
	for _, name := range names {
		if !ok || t.due(name) < t.due(first) || t.due(name) == t.due(first) && name < first {
			first, ok = name, true
		}
	}
	return first, ok
}

func (t *Turns) due(name string) float64 { return max(t.paid[name], t.floor) }

// Take charges a turn: an import of weight 2 gets two turns for another's one.
func (t *Turns) Take(name string, weight int) {
	due := t.due(name)
	t.floor = due
	t.paid[name] = due + 1/float64(max(1, weight))
}

// Forget drops an import that is gone.
func (t *Turns) Forget(name string) { delete(t.paid, name) }
