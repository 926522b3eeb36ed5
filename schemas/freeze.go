package schemas

import (
	"path"
	"time"
)

// KindFreeze is the kind under which freezes stand in the resources topic. It is
// not a kind that documents can have: freezes are made by Import Center alone.
const KindFreeze = "Freeze"

// FreezeSpec is the spec of a Freeze resource: while it is there, no loader starts
// an upload for the account, if it names one, and the imports that it selects, if
// it selects any. Runs that are under way wait and go on once it is gone.
type FreezeSpec struct {
	Account  string    `json:"account,omitempty"`
	Selector *Selector `json:"selector,omitempty"`
	Reason   string    `json:"reason,omitempty"`
	By       string    `json:"by"`
	Since    time.Time `json:"since"`
}

// FrozenBy says what keeps an import's records from being sent.
type FrozenBy struct {
	Name   string    `json:"name"`
	By     string    `json:"by"`
	Reason string    `json:"reason,omitempty"`
	Since  time.Time `json:"since"`
}

// Holds reports whether the freeze keeps an import from sending to an account.
func (f FreezeSpec) Holds(account string, m Metadata) bool {
	return (f.Account == "" || f.Account == account) && (f.Selector == nil || f.Selector.Selects(m))
}

// Selects reports whether an import matches one of the selector's names, if it has
// any, and has all of the selector's labels.
func (s Selector) Selects(m Metadata) bool {
	named := len(s.Names) == 0
	for _, pattern := range s.Names {
		if ok, err := path.Match(pattern, m.Name); ok && err == nil {
			named = true
		}
	}
	for key, value := range s.Labels {
		if have, ok := m.Labels[key]; !ok || have != value {
			return false
		}
	}
	return named
}
