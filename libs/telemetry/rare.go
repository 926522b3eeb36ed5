package telemetry

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"
)

const (
	// repeatWindow and repeatBurst bound how often a warning is logged: three times in the
	// first minute, then once a minute for as long as it goes on.
	repeatWindow = time.Minute
	repeatBurst  = 3
	// maxRepeats bounds the warnings that are remembered.
	maxRepeats = 2000
)

// repeatCoordinates are the attributes by which two warnings with one text are about
// different things.
var repeatCoordinates = []string{
	"import", "run", "subject", "topic", "partition", "account", "connection", "broker", "path", "client",
	"notification", "caller", "key", "code",
}

// repeats holds back warnings that repeat: one that comes a hundred times a minute hides the
// one that matters. The next that is logged says how many were held back.
type repeats struct {
	mu    sync.Mutex
	known map[string]*repeated
}

type repeated struct {
	began time.Time // of the window
	count int       // in the window
	most  int       // of them that are logged
	held  int       // held back since the one that was logged last
}

// admit reports whether a warning is logged, and how many like it were not.
func (r *repeats) admit(key string, now time.Time) (ok bool, held int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	w := r.known[key]
	switch {
	case w == nil:
		if len(r.known) >= maxRepeats {
			clear(r.known)
		}
		w = &repeated{began: now, most: repeatBurst}
		r.known[key] = w
	case now.Sub(w.began) >= 2*repeatWindow:
		w.began, w.count, w.most = now, 0, repeatBurst
	case now.Sub(w.began) >= repeatWindow:
		most := repeatBurst
		if w.count > w.most {
			most = 1
		}
		w.began, w.count, w.most = now, 0, most
	}
	if w.count++; w.count > w.most {
		w.held++
		return false, 0
	}
	held, w.held = w.held, 0
	return true, held
}

// rareHandler passes warnings on through repeats. Errors and lines below a warning pass
// always: an error is about one thing that has ended.
type rareHandler struct {
	slog.Handler
	repeats *repeats
	with    string // coordinates of the logger
}

func (h rareHandler) Handle(ctx context.Context, record slog.Record) error {
	if record.Level != slog.LevelWarn {
		return h.Handler.Handle(ctx, record)
	}
	key := record.Message + h.with
	record.Attrs(func(a slog.Attr) bool {
		key += coordinate(a)
		return true
	})
	ok, held := h.repeats.admit(key, record.Time)
	if !ok {
		return nil
	}
	if held > 0 {
		record = record.Clone()
		record.AddAttrs(slog.Int("repeated", held))
	}
	return h.Handler.Handle(ctx, record)
}

func coordinate(a slog.Attr) string {
	if !slices.Contains(repeatCoordinates, a.Key) {
		return ""
	}
	return "\x00" + a.Key + "=" + a.Value.String()
}

func (h rareHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	with := h.with
	for _, a := range attrs {
		with += coordinate(a)
	}
	return rareHandler{h.Handler.WithAttrs(attrs), h.repeats, with}
}

func (h rareHandler) WithGroup(name string) slog.Handler {
	return rareHandler{h.Handler.WithGroup(name), h.repeats, h.with}
}
