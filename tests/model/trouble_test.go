package model

import (
	"math/rand/v2"
	"net"
	"strconv"
	"testing"
	"time"
)

// stir causes faults now and then until the histories have ended.
func (w *world) stir(lives map[string]*instance, rng *rand.Rand, over <-chan struct{}) {
	snowflake := "http://" + w.snowflake.Addr() + "/sandbox/v1/snowflake/faults"
	clevertap := "http://" + w.clevertap.Addr() + "/sandbox/v1/faults"
	// Faults are caused between the ends of runs, so that there is time to recover.
	for w.board.pass(rng.IntN(20), over) && !w.broken() {
		switch kind := rng.IntN(8); {
		case kind < 3:
			name := parts[rng.IntN(len(parts))]
			if rng.IntN(2) == 0 {
				name = "extractor"
			}
			w.log.InfoContext(w.t.Context(), "crash", "of", name)
			lives[name] = w.crash(name, lives[name], 1+rng.IntN(100), time.Second)
		case kind < 6:
			w.put(snowflake, map[string]any{
				"chunk503": rng.IntN(3), "chunkReset": rng.IntN(2), "chunkTruncated": rng.IntN(2), "chunkShort": rng.IntN(4),
				"expireSessions": rng.IntN(2), "varyCarriers": rng.IntN(2) == 0, "loseResults": rng.IntN(6) == 0,
			})
		case kind == 6:
			w.put(clevertap, map[string]any{"seed": rng.Uint64() >> 12, "faults": []map[string]any{
				{"kind": "latency", "latencyMs": rng.IntN(100), "jitterMs": 20, "count": 20}, {"kind": "503", "count": 1 + rng.IntN(3)},
			}})
		case w.trouble.losses:
			w.loseRedis(rng)
		}
	}
}

func (w *world) loseRedis(rng *rand.Rand) {
	if rng.IntN(2) == 0 {
		w.redis.SetError("LOADING Redis is loading the dataset in memory")
		time.Sleep(time.Duration(rng.IntN(300)) * time.Millisecond)
		w.redis.Flush()
		w.redis.SetError("")
		return
	}
	w.redis.Flush()
}

func splitAddr(t testing.TB, addr string) (string, int) {
	t.Helper()
	host, text, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return host, port
}
