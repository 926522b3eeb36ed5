package kafka

import (
	"strings"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kgo"
)

// silentAbort begins the message that franz-go logs when it was asked to commit
// a transaction, aborts it instead, and returns no error. It does so if it knows
// of no record that was written. In version 1.22.2 it may not know of a record
// that the broker has acknowledged; this happens in a client's first transaction
// to a topic, about once in a hundred times on two busy cores. A caller that
// took the abort for a commit would lose records in silence.
const silentAbort = "no produce succeeded in this transaction"

// abortWatch watches the log for silentAbort, because nothing else reports such
// an abort. Safe for concurrent use.
type abortWatch struct {
	kgo.Logger
	aborted atomic.Bool
}

// Level makes franz-go log at info at least, so that the message reaches Log
// whatever the level of the log behind it.
func (w *abortWatch) Level() kgo.LogLevel { return max(kgo.LogLevelInfo, w.Logger.Level()) }

// Log notes silentAbort, and passes on messages that the log behind it accepts.
func (w *abortWatch) Log(level kgo.LogLevel, msg string, keyvals ...any) {
	if strings.HasPrefix(msg, silentAbort) {
		w.aborted.Store(true)
	}
	if level <= w.Logger.Level() {
		w.Logger.Log(level, msg, keyvals...)
	}
}
