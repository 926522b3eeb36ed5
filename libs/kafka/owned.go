package kafka

import "sync"

// owned are the partitions that a group has assigned to a member.
type owned struct {
	mu  sync.Mutex
	tps map[TP]bool
}

func (o *owned) add(m map[string][]int32) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.tps == nil {
		o.tps = map[TP]bool{}
	}
	for _, tp := range tpsOf(m) {
		o.tps[tp] = true
	}
}

func (o *owned) remove(m map[string][]int32) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, tp := range tpsOf(m) {
		delete(o.tps, tp)
	}
}

func (o *owned) list() []TP {
	o.mu.Lock()
	defer o.mu.Unlock()
	out := make([]TP, 0, len(o.tps))
	for tp := range o.tps {
		out = append(out, tp)
	}
	return out
}
