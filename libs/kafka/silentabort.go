package kafka

import (
	"strings"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kgo"
)

// silentAbort begins what franz-go logs when it aborts a transaction that it was
// asked to commit and returns no error: it does so where it does not know of any
// record that was written. In version 1.22.2 it may not know of one although the
// broker has acknowledged it, in a client's first transaction to a topic (about one
// in a hundred while both cores are taken). Who took that for a commit would lose
// records in silence.
const silentAbort = "no produce succeeded in this transaction"

// abortWatch notes such an abort, since nothing else tells of it. Safe for
// concurrent use.
type abortWatch struct {
	kgo.Logger
	aborted atomic.Bool
}

// Level lets the message through, whatever the log takes.
func (w *abortWatch) Level() kgo.LogLevel { return max(kgo.LogLevelInfo, w.Logger.Level()) }

// Log notes the message, and passes on what the log takes.
func (w *abortWatch) Log(level kgo.LogLevel, msg string, keyvals ...any) {
	if strings.HasPrefix(msg, silentAbort) {
		w.aborted.Store(true)
	}
	if level <= w.Logger.Level() {
		w.Logger.Log(level, msg, keyvals...)
	}
}
