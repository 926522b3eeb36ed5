package model

import (
	"sync/atomic"
	"time"
)

// pace is a clock that stops while the machine gives this process no CPU: each beat counts
// as the duration beat, however long it took. Bounds on how imports may delay each other are
// measured by it, so that a busy machine does not look like a fault.
type pace struct {
	beats  atomic.Int64
	missed atomic.Int64 // when a beat was last missed, in nanoseconds
}

const (
	beat = 20 * time.Millisecond
	// miss is the delay of a beat that counts as missed: a request that the loader has ended
	// may then reach the gate too late to be applied.
	miss = 400 * time.Millisecond
)

// startPace starts the clock, which runs as long as the process.
func startPace() *pace {
	p := &pace{}
	go func() {
		for {
			began := time.Now()
			time.Sleep(beat)
			p.beats.Add(1)
			if now := time.Now(); now.Sub(began) > miss {
				p.missed.Store(now.UnixNano())
			}
		}
	}()
	return p
}

func (p *pace) now() time.Duration { return time.Duration(p.beats.Load()) * beat }

// stumbled reports whether a beat was missed since an instant.
func (p *pace) stumbled(since time.Time) bool { return p.missed.Load() > since.UnixNano() }

// processPace is the clock of this process.
var processPace = startPace()
