package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/google/uuid"

	"tapline.dev/domain/control"
	"tapline.dev/libs/kafka"
	"tapline.dev/schemas"
	"tapline.dev/services/importcenter/internal/access"
)

// lookUp asks a loader what CleverTap holds of people, and waits at most for the given
// time. Only the loader has the account's credentials. The answers are in the order of
// the values; of one that did not come in time the outcome is empty.
//
// An identity lies in the look-ups' topic alone, which keeps it for an hour at most.
func (h *handlers) lookUp(ctx context.Context, account, by string, values []string, wait time.Duration) ([]schemas.LookupAnswer, *Problem) {
	leave, ok := h.Questions.Take(access.CallerOf(ctx).Name)
	if !ok {
		return nil, problem(http.StatusTooManyRequests, codeTooMany, "too many questions of this caller are under way; wait until one has its answer, or end one")
	}
	defer leave()
	answers, err := h.lookedUp(ctx, account, by, values, wait)
	if err != nil {
		return nil, h.kafkaFailed(ctx, err)
	}
	return answers, nil
}

func (h *handlers) lookedUp(ctx context.Context, account, by string, values []string, wait time.Duration) ([]schemas.LookupAnswer, error) {
	tp := kafka.TP{Topic: h.Topics.LookupAnswers(), Partition: schemas.ControlPartition(account)}
	// The end is noted before anything is asked: the answers come after it.
	end, err := h.Partitions.EndOffset(ctx, tp)
	if err != nil {
		return nil, err
	}
	answers, open := make([]schemas.LookupAnswer, len(values)), map[string]int{}
	until := h.Now().Add(wait)
	for i, value := range values {
		l := schemas.Lookup{ID: uuid.NewString(), Account: account, By: by, Value: value, Until: until}
		rec, err := control.Record(h.Topics.Lookups(), account, account, l, schemas.EventLookup, source)
		if err == nil {
			err = h.Audit(ctx, rec)
		}
		if err != nil {
			return nil, err
		}
		open[l.ID] = i
	}
	waiting, stop := context.WithTimeout(ctx, wait)
	defer stop()
	err = h.Follow(waiting, map[kafka.TP]int64{tp: end}, func(r *kafka.Record) error {
		var a schemas.LookupAnswer
		if json.Unmarshal(r.Value, &a) != nil {
			return nil // of a version that this one cannot read
		}
		i, ok := open[a.ID]
		if !ok {
			return nil
		}
		answers[i] = a
		if delete(open, a.ID); len(open) == 0 {
			return errAnswered
		}
		return nil
	})
	if err != nil && !errors.Is(err, errAnswered) && waiting.Err() == nil {
		return nil, err
	}
	return answers, ctx.Err()
}

// Person is what CleverTap holds of a person, as a loader has looked it up.
type Person struct {
	Account string          `json:"account"`
	Outcome string          `json:"outcome" enum:"found,notFound,refused,unusable,frozen,tooLarge,unanswered" doc:"What came of the look-up"`
	Reason  string          `json:"reason,omitempty" doc:"Why nothing is shown, in a sentence"`
	Profile json.RawMessage `json:"profile,omitempty" doc:"CleverTap's record of the person, as it came"`
	Time    time.Time       `json:"time,omitzero" doc:"When CleverTap answered"`
	Millis  int64           `json:"millis,omitempty"`
}

// person looks one person up.
func (h *handlers) person(ctx context.Context, spec schemas.ImportSpec, identity string) (*Person, *Problem) {
	by := schemas.LookupIdentity
	if spec.Identity.Kind == cleverTapIDKind {
		by = schemas.LookupObjectID
	}
	account := spec.Destination.AccountRef
	answers, failed := h.lookUp(ctx, account, by, []string{identity}, h.PreviewTimeout)
	if failed != nil {
		return nil, failed
	}
	a := answers[0]
	if a.Outcome == "" {
		a.Outcome = schemas.LookupUnanswered
		a.Reason = "no loader has answered within " + h.PreviewTimeout.String() + "; is one running, of this version?"
	}
	return &Person{Account: account, Outcome: a.Outcome, Reason: a.Reason, Profile: a.Profile, Time: a.Time, Millis: a.Millis}, nil
}

// cleverTapIDKind is the kind of an identity that is a CleverTap ID.
const cleverTapIDKind = "clevertapId"
