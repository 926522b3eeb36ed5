package book

import (
	"context"
	"log/slog"

	"tapline.dev/schemas"
)

// logClosed logs how a run ended: for many people the log is all that says why.
func (b *Book) logClosed(ctx context.Context, r *schemas.Run) {
	log := b.log.With(slog.String("import", r.Import), slog.String("run", r.Run), slog.String("state", r.State), slog.String("trace_id", r.TraceID))
	switch {
	case r.State == schemas.StateFailed && r.Error != nil:
		log.ErrorContext(ctx, "run failed", slog.String("stage", r.Error.Stage), slog.String("code", r.Error.Code), slog.String("reason", r.Error.Reason))
	case r.State == schemas.StateFailed:
		log.ErrorContext(ctx, "run failed")
	case r.Counts.Rejected() > 0:
		log.WarnContext(ctx, "run closed with rejects", slog.Int64("read", r.Counts.Read), slog.Int64("rejected", r.Counts.Rejected()))
	default:
		log.InfoContext(ctx, "run closed")
	}
}
