package guard

import (
	"fmt"
	"math"
	"net/http"
	"sync"
	"time"
)

// maxCallers bounds how many callers the limiter remembers. Beyond it, those that
// have not asked for longest are forgotten, which gives them a full bucket.
const maxCallers = 10_000

// Limiter is a token bucket for each caller: so many requests a minute, which may
// come in one burst. It is safe for concurrent use.
type Limiter struct {
	perMinute int

	mu      sync.Mutex
	callers map[string]*bucket
}

type bucket struct {
	tokens float64
	at     time.Time
}

// NewLimiter returns a limiter of perMinute requests for each caller.
func NewLimiter(perMinute int) *Limiter {
	return &Limiter{perMinute: perMinute, callers: map[string]*bucket{}}
}

// Take counts a request of a caller and says in the answer's headers what is
// left. False is a request too many.
func (l *Limiter) Take(h http.Header, caller string, now time.Time) bool {
	left, ok := l.take(caller, now)
	perSecond := float64(l.perMinute) / 60
	h.Set("RateLimit-Policy", fmt.Sprintf(`"caller";q=%d;w=60`, l.perMinute))
	h.Set("RateLimit", fmt.Sprintf(`"caller";r=%d;t=%d`, int(left), int(math.Ceil((float64(l.perMinute)-left)/perSecond))))
	if !ok {
		h.Set("Retry-After", fmt.Sprint(int(math.Ceil((1-left)/perSecond))))
	}
	return ok
}

func (l *Limiter) take(caller string, now time.Time) (left float64, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.callers[caller]
	if b == nil {
		l.forget()
		b = &bucket{tokens: float64(l.perMinute), at: now}
		l.callers[caller] = b
	}
	b.tokens = min(float64(l.perMinute), b.tokens+now.Sub(b.at).Minutes()*float64(l.perMinute))
	b.at = now
	if b.tokens < 1 {
		return b.tokens, false
	}
	b.tokens--
	return b.tokens, true
}

// forget makes room for one caller more.
func (l *Limiter) forget() {
	for len(l.callers) >= maxCallers {
		oldest, at := "", time.Time{}
		for name, b := range l.callers {
			if oldest == "" || b.at.Before(at) {
				oldest, at = name, b.at
			}
		}
		delete(l.callers, oldest)
	}
}
