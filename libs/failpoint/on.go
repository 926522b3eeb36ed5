//go:build failpoint

package failpoint

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"tapline.dev/libs/config"
)

type point struct {
	signal syscall.Signal
	left   int // hits until it acts
}

var (
	mu     sync.Mutex
	points = sync.OnceValue(func() map[string]*point {
		spec, _ := config.LookupEnv("TAPLINE_FAILPOINTS")
		parsed, err := parse(spec)
		if err != nil {
			panic(err)
		}
		return parsed
	})
)

// Hit kills or stops the process if TAPLINE_FAILPOINTS names the point and the
// point was hit often enough.
func Hit(name string) {
	mu.Lock()
	p := points()[name]
	due := false
	if p != nil {
		p.left--
		due = p.left == 0
	}
	mu.Unlock()
	if !due {
		return
	}
	_ = syscall.Kill(syscall.Getpid(), p.signal)
	if p.signal == syscall.SIGKILL {
		select {} // no code after the point may run before the signal takes effect
	}
}

func parse(spec string) (map[string]*point, error) {
	signals := map[string]syscall.Signal{"kill": syscall.SIGKILL, "stop": syscall.SIGSTOP}
	parsed := map[string]*point{}
	for item := range strings.SplitSeq(spec, ",") {
		if item = strings.TrimSpace(item); item == "" {
			continue
		}
		name, action, _ := strings.Cut(item, "=")
		action, count, counted := strings.Cut(action, ":")
		n := 1
		if counted {
			var err error
			if n, err = strconv.Atoi(count); err != nil || n < 1 {
				return nil, fmt.Errorf("failpoint %q: the count is not a positive number", item)
			}
		}
		signal, ok := signals[action]
		if !ok {
			return nil, fmt.Errorf("failpoint %q: write NAME=kill or NAME=stop", item)
		}
		parsed[name] = &point{signal: signal, left: n}
	}
	return parsed, nil
}
