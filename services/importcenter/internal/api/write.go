package api

import (
	"context"
	"errors"

	"tapline.dev/libs/kafka"
)

// errWritten says that a change is in the log, and that this replica cannot read it back.
var errWritten = errors.New("written, but not read back")

// write writes what decide returns and reads it back, so that whoever has changed
// something may read it at once.
func (h *handlers) write(ctx context.Context, decide func(context.Context) ([]*kafka.Record, error)) error {
	if err := h.Transactions.Write(ctx, decide); err != nil {
		return err
	}
	if err := h.View.ReadToEnd(ctx); err != nil {
		return errors.Join(errWritten, err)
	}
	return nil
}

// writeFailed passes a refusal on and turns anything else into a problem. It never says
// that nothing was changed where something may have been: somebody who revokes a key has
// to know.
func (h *handlers) writeFailed(ctx context.Context, err error) error {
	refusal, refused := errors.AsType[*Problem](err)
	switch {
	case refused:
		return refusal
	case errors.Is(err, errWritten):
		return h.fail(ctx, codeKafka, "the change is made, but Kafka does not answer any more, so that it cannot be shown yet; read it when Kafka answers", err)
	case errors.Is(err, kafka.ErrOutcomeUnknown):
		return h.fail(ctx, codeKafka, "Kafka does not answer, and whether the change was made is not known; read what is there when Kafka answers, and ask again if it is missing", err)
	}
	return h.kafkaFailed(ctx, err)
}
