package model

import "time"

// serviceDisturbances disturb the services and Redis, which all imports of a world share.
func serviceDisturbances() []disturbance {
	var out []disturbance
	for _, name := range parts {
		out = append(out,
			disturbance{name: name + " restarted", shared: true, within: func(s *scenario, _ string) { s.w.restart(name, func() {}) }},
			disturbance{name: name + " killed", shared: true, within: func(s *scenario, _ string) {
				s.w.mayRepeat.Store(true) // uploads whose answers were not read
				s.w.kill(name, 1+s.rng.IntN(60))
			}},
		)
	}
	return append(out, disturbance{name: "Redis emptied", shared: true, within: func(s *scenario, _ string) {
		s.w.mayRepeat.Store(true) // the ledger is lost
		s.w.redis.Flush()
	}})
}

// kill ends a service as SIGKILL does, at the n-th write from now, and starts it again.
func (w *world) kill(name string, writes int) {
	w.livesMu.Lock()
	defer w.livesMu.Unlock()
	w.lives[name] = w.crash(name, w.lives[name], writes, 500*time.Millisecond)
}
