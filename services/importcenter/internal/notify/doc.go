// Package notify tells people of imports that fail, are late or are held, and of their
// recovery. One Import Center, the owner of the notifications topic, decides and sends.
//
// What is to be told is decided by a comparison of the log's state with what was told
// before, and is written to the topic before it is sent; what the channel has taken is
// written after that. So a sender that is killed in between sends the message again, with
// the same id, and one that restarts tells nothing twice that was delivered, and loses
// nothing. No run waits for any of it.
package notify

import (
	"context"
	"log/slog"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/catalog"
	"tapline.dev/services/importcenter/internal/whylate"
)

// Group is the consumer group whose member owns the topic, TransactionalID the owner's.
const (
	Group           = "notifications"
	TransactionalID = "notifications"
)

// Config says how often the owner looks, and what it may use.
type Config struct {
	Every   time.Duration // between two looks
	PageURL string        // of the web page, "" without one
	// Beat calls the outside monitor, at most each BeatEvery; nil calls nobody.
	Beat      func(ctx context.Context) error
	BeatEvery time.Duration
	// RetryMin and RetryMax bound the wait before a message is sent again.
	RetryMin, RetryMax time.Duration
}

// Deps is what the owner reads and writes with.
type Deps struct {
	Kafka       kafka.Config
	KafkaDeps   kafka.Deps
	Topics      schemas.Topics
	Reader      *kafka.Reader
	Catalog     *catalog.Catalog
	Log         *slog.Logger
	Now         func() time.Time
	Send        func(ctx context.Context, spec schemas.NotificationSpec, n schemas.Notice) error
	ExplainLate func(ctx context.Context, importName string) (whylate.Explanation, bool)
}
