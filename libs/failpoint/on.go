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

// Enabled reports whether this build has failpoints.
const Enabled = true

type point struct {
	action string
	left   int // hits until it acts
}

var (
	mu     sync.Mutex
	points = map[string]*point{}
	loaded = sync.OnceValue(func() error {
		spec, _ := config.LookupEnv("TAPLINE_FAILPOINTS")
		return set(spec)
	})
)

// Hit acts if NAME is armed and its turn has come.
func Hit(name string) {
	load()
	mu.Lock()
	p := points[name]
	due := false
	if p != nil && p.action != "mistake" {
		p.left--
		due = p.left == 0
	}
	mu.Unlock()
	if !due {
		return
	}
	signal := syscall.SIGKILL
	if p.action == "stop" {
		signal = syscall.SIGSTOP
	}
	_ = syscall.Kill(syscall.Getpid(), signal)
	if signal == syscall.SIGKILL {
		select {} // nothing follows the point
	}
}

// Mistake reports whether the deliberate mistake is switched on.
func Mistake(name string) bool {
	load()
	mu.Lock()
	defer mu.Unlock()
	p := points[name]
	return p != nil && p.action == "mistake"
}

// Set replaces all points with those of a list as in TAPLINE_FAILPOINTS, for
// tests in one process. It panics on a list that makes no sense.
func Set(spec string) {
	load()
	if err := set(spec); err != nil {
		panic(err)
	}
}

func load() {
	if err := loaded(); err != nil {
		panic(err)
	}
}

func set(spec string) error {
	parsed := map[string]*point{}
	for item := range strings.SplitSeq(spec, ",") {
		if item = strings.TrimSpace(item); item == "" {
			continue
		}
		name, action, ok := strings.Cut(item, "=")
		action, count, counted := strings.Cut(action, ":")
		n := 1
		if counted {
			var err error
			if n, err = strconv.Atoi(count); err != nil || n < 1 {
				return fmt.Errorf("failpoint %q: the count is not a positive number", item)
			}
		}
		if !ok || (action != "kill" && action != "stop" && action != "mistake") {
			return fmt.Errorf("failpoint %q: write NAME=kill, NAME=stop or NAME=mistake", item)
		}
		parsed[name] = &point{action: action, left: n}
	}
	mu.Lock()
	defer mu.Unlock()
	points = parsed
	return nil
}
