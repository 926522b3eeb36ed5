package book

import (
	"time"

	"tapline.dev/schemas"
	"tapline.dev/services/scheduler/internal/fold"
)

// ReportsHidden says of every active run what it waits for: a transaction that somebody
// left open in the topic hides all reports behind it. It is called again as long as that
// lasts, so that no deadline ends a run whose reports nobody can read.
func (b *Book) ReportsHidden(topic string, since, now time.Time) {
	for _, e := range b.sorted() {
		if !b.mayWaitForTransaction(e) {
			continue
		}
		news := e.fold.Waiting == nil
		fold.WaitForTransaction(e.fold, topic, since, now)
		b.out.Folds[e.state.Active.Run] = e.fold
		if news {
			b.waitingChanged(e, now)
		}
	}
}

// mayWaitForTransaction reports whether reports would move the import's run on: a held
// one waits for a person. What a run waits for already stays its reason.
func (b *Book) mayWaitForTransaction(e *entry) bool {
	if e.state == nil || e.state.Active == nil || e.fold == nil || e.state.Active.State == schemas.StateHeld || e.isTrial() {
		return false
	}
	return e.fold.Waiting == nil || e.fold.Waiting.Code == schemas.WaitingTransaction
}

// ReportsVisible ends what ReportsHidden has said, also in the name of an earlier owner.
func (b *Book) ReportsVisible(now time.Time) {
	for _, e := range b.sorted() {
		if e.fold == nil || e.fold.Waiting == nil || e.fold.Waiting.Code != schemas.WaitingTransaction || e.state.Active == nil {
			continue
		}
		e.fold.Waiting, e.fold.WaitingAt = nil, nil
		b.out.Folds[e.state.Active.Run] = e.fold
		b.waitingChanged(e, now)
	}
}

func (b *Book) waitingChanged(e *entry, now time.Time) {
	b.addRunEvent(e, now)
	b.out.Listings[e.name] = true
}
