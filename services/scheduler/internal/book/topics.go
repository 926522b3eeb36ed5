package book

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"tapline.dev/schemas"
	"tapline.dev/services/scheduler/internal/fold"
)

// CodeTopicRecreated is the error code of a run whose rows or records topic was
// deleted and created again.
const CodeTopicRecreated = "topic_recreated"

// RunsWithoutTopics are the imports whose active run does not know its topics.
func (b *Book) RunsWithoutTopics() []string {
	return b.running(func(a *schemas.ActiveRun) bool { return a.RowsTopic == "" || a.RecordsTopic == "" })
}

// ActiveRuns are the imports with an active run.
func (b *Book) ActiveRuns() []string {
	return b.running(func(*schemas.ActiveRun) bool { return true })
}

// running returns the imports whose active run has been triggered and meets the
// condition.
func (b *Book) running(is func(*schemas.ActiveRun) bool) (out []string) {
	for _, e := range b.sorted() {
		if e.isTrial() || e.state == nil || e.state.Active == nil {
			continue
		}
		if a := e.state.Active; (a.State == schemas.StateExtracting || a.State == schemas.StateLoading) && is(a) {
			out = append(out, e.name)
		}
	}
	return out
}

// Topics takes in the ids of an import's topics, "" for a topic that does not
// exist. A run ends when one of them was deleted and created again: rows in the old
// topic have no outcome and will never have one.
func (b *Book) Topics(ctx context.Context, importName, rows, records string, now time.Time) {
	e, ok := b.imports[importName]
	if !ok || e.state == nil || e.state.Active == nil {
		return
	}
	a := e.state.Active
	for _, topic := range []struct {
		what  string
		known *string
		id    string
	}{{"rows", &a.RowsTopic, rows}, {"records", &a.RecordsTopic, records}} {
		switch {
		case topic.id == "":
		case *topic.known == "":
			*topic.known = topic.id
			b.stateChanged(e, now)
		case *topic.known != topic.id:
			b.log.ErrorContext(ctx, "a topic was deleted and created again during a run", slog.String("run", a.Run), slog.String("topic", topic.what))
			b.close(ctx, e, schemas.StateFailed, fold.BoundError("", CodeTopicRecreated,
				fmt.Sprintf("the %s topic was deleted and created again during the run, and its records are gone; the next run reads from the unchanged watermark", topic.what)), now)
			return
		}
	}
}

// TopicRecreated notes that a control topic was deleted and created again: reports or
// commands may be lost. Every active run gets a note that says so.
func (b *Book) TopicRecreated(topic string) {
	for _, e := range b.sorted() {
		if e.state != nil && e.state.Active != nil && e.fold != nil {
			fold.Note(e.fold, "the topic "+topic+" was deleted and created again: what was written to it before and not yet read is lost")
			b.out.Folds[e.state.Active.Run] = e.fold
		}
	}
}
