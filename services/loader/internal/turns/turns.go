// Package turns shares slots fairly: each import pays for a turn by its weight,
// and the one that has paid least goes next. An import that was idle does not
// save up.
package turns

// Turns keeps the accounts. It is not safe for concurrent use.
type Turns struct {
	paid  map[string]float64
	floor float64 // what the last taker had paid
}

// New returns accounts in which nobody has paid.
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
