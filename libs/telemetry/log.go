package telemetry

import (
	"context"
	"log/slog"
	"slices"

	"go.opentelemetry.io/otel/trace"
)

func newLogger(s Settings, level slog.Leveler) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	var handler slog.Handler = slog.NewJSONHandler(s.Log, options)
	if s.LogText {
		handler = slog.NewTextHandler(s.Log, options)
	}
	logger := slog.New(contextHandler{rareHandler{Handler: handler, repeats: &repeats{known: map[string]*repeated{}}}})
	if s.Service != "" {
		logger = logger.With(slog.String("service", s.Service))
	}
	return logger
}

type attrsKey struct{}

// WithAttrs returns a context whose log lines carry the attributes, such as the
// run. They are for coordinates only (Invariant 9).
func WithAttrs(ctx context.Context, attrs ...slog.Attr) context.Context {
	have, _ := ctx.Value(attrsKey{}).([]slog.Attr)
	return context.WithValue(ctx, attrsKey{}, append(slices.Clip(have), attrs...))
}

// contextHandler adds the context's attributes (see WithAttrs) and span to every
// line.
type contextHandler struct {
	slog.Handler
}

func (h contextHandler) Handle(ctx context.Context, record slog.Record) error {
	if attrs, ok := ctx.Value(attrsKey{}).([]slog.Attr); ok {
		record.AddAttrs(attrs...)
	}
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		record.AddAttrs(
			slog.String("trace_id", span.TraceID().String()),
			slog.String("span_id", span.SpanID().String()),
		)
	}
	return h.Handler.Handle(ctx, record)
}

func (h contextHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return contextHandler{h.Handler.WithAttrs(attrs)}
}

func (h contextHandler) WithGroup(name string) slog.Handler {
	return contextHandler{h.Handler.WithGroup(name)}
}
