package runs

import (
	"context"
	"slices"
	"time"

	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
)

// restAfter is how long nothing has come in a topic before it rests.
const restAfter = 15 * time.Second

// Fetcher is a membership of a consumer group that can leave out topics.
type Fetcher interface {
	kafka.Watched
	AtRest() []string
	Rest(topics ...string)
	Wake(topics ...string)
}

// Rest lets the topics rest in which nothing is to come: their import has no active run,
// and the group has taken up all that is in them. A run's state is written before its first
// row, so that its topics are woken before it. Whatever comes besides, which nothing of
// Tapline's writes, is found by the watch of the lag within a minute.
type Rest struct {
	View  *View
	Watch *kafka.LagWatch
	// ImportOf is the import of a topic, "" of the one that all trials share.
	ImportOf func(topic string) string
}

// Run lets the topics of a membership rest and wakes them until ctx ends. It alone does
// so: between its look at the states and its rest nothing else decides.
func (r Rest) Run(ctx context.Context, member Fetcher) {
	for {
		// Both before anything is looked at, so that no change in between is missed.
		changed, measured := r.View.Changed(), r.Watch.Measured()
		r.wake(member)
		select {
		case <-changed:
		case <-measured:
			r.settle(member, time.Now())
		case <-ctx.Done():
			return
		}
	}
}

// wake wakes the topics in which something may come.
func (r Rest) wake(member Fetcher) {
	resting := member.AtRest()
	if len(resting) == 0 {
		return
	}
	busy := r.View.busy()
	member.Wake(slices.DeleteFunc(resting, func(topic string) bool { return !busy[r.ImportOf(topic)] })...)
}

// settle lets the topics rest in which nothing has come for a while, and wakes those in
// which something waits.
func (r Rest) settle(member Fetcher, now time.Time) {
	busy, idle := r.View.busy(), r.Watch.IdleSince()
	may := map[string]bool{}
	for _, tp := range member.Owned() {
		since, known := idle[tp]
		quiet := known && now.Sub(since) >= restAfter
		if others, seen := may[tp.Topic]; !seen {
			may[tp.Topic] = quiet && !busy[r.ImportOf(tp.Topic)]
		} else {
			may[tp.Topic] = others && quiet
		}
	}
	var rest, wake []string
	for topic, may := range may {
		switch resting := member.Resting(topic); {
		case may && !resting:
			rest = append(rest, topic)
		case !may && resting:
			wake = append(wake, topic)
		}
	}
	member.Wake(wake...)
	member.Rest(rest...)
}

// busy returns the imports with an active run, and "" if there is any trial. An import
// whose state cannot be read counts as one.
func (v *View) busy() map[string]bool {
	busy := map[string]bool{}
	v.states.Visit(func(subject string, state schemas.State, err error) {
		switch {
		case err == nil && state.Active == nil:
		case schemas.IsTrial(subject):
			busy[""] = true
		default:
			busy[subject] = true
		}
	})
	return busy
}
