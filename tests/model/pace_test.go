package model

import (
	"sync/atomic"
	"time"
)

// pace is a clock that stands still while the machine gives this process no time:
// each beat takes beat as the machine goes, however long it took. Bounds on what
// imports may do to each other are told by it, so that a busy machine is not taken
// for a fault.
type pace struct{ beats atomic.Int64 }

const beat = 20 * time.Millisecond

// startPace starts the clock, which runs as long as the process.
func startPace() *pace {
	p := &pace{}
	go func() {
		for {
			time.Sleep(beat)
			p.beats.Add(1)
		}
	}()
	return p
}

func (p *pace) now() time.Duration { return time.Duration(p.beats.Load()) * beat }

// processPace is the process's.
var processPace = startPace()
