package model

import (
	"sync/atomic"
	"time"
)

// pace is a clock that stands still while the machine gives this process no time:
// each beat takes beat as the machine goes, however long it took. Bounds on what
// imports may do to each other are told by it, so that a busy machine is not taken
// for a fault.
type pace struct {
	beats  atomic.Int64
	missed atomic.Int64 // when a beat was last missed, in nanoseconds
}

const (
	beat = 20 * time.Millisecond
	// miss is how late a beat is that counts as missed: a request that the loader gave
	// up may then lie before the gate for longer than it may be applied.
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

// processPace is the process's.
var processPace = startPace()
