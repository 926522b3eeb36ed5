package telemetry

import (
	"context"
	"errors"
	"log/slog"
	"slices"

	"go.opentelemetry.io/otel/trace"
)

// newLogger returns a logger that writes lines to s.Log and, unless it is nil, hands the
// records to export as well.
func newLogger(s Settings, level slog.Leveler, export slog.Handler) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	var handler slog.Handler = slog.NewJSONHandler(s.Log, options)
	if s.LogText {
		handler = slog.NewTextHandler(s.Log, options)
	}
	// Exported records have the service in their resource, and fields for the ids.
	if s.Service != "" {
		handler = handler.WithAttrs([]slog.Attr{slog.String("service", s.Service)})
	}
	handler = spanHandler{handler}
	if export != nil {
		handler = bothHandler{handler, export}
	}
	return slog.New(contextHandler{rareHandler{Handler: handler, repeats: &repeats{known: map[string]*repeated{}}}})
}

type attrsKey struct{}

// WithAttrs returns a context whose log lines carry the attributes, such as the
// run. They are for coordinates only (Invariant 9).
func WithAttrs(ctx context.Context, attrs ...slog.Attr) context.Context {
	have, _ := ctx.Value(attrsKey{}).([]slog.Attr)
	return context.WithValue(ctx, attrsKey{}, append(slices.Clip(have), attrs...))
}

// contextHandler adds the context's attributes (see WithAttrs) to every line.
type contextHandler struct {
	slog.Handler
}

func (h contextHandler) Handle(ctx context.Context, record slog.Record) error {
	if attrs, ok := ctx.Value(attrsKey{}).([]slog.Attr); ok {
		record.AddAttrs(attrs...)
	}
	return h.Handler.Handle(ctx, record)
}

func (h contextHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return contextHandler{h.Handler.WithAttrs(attrs)}
}

func (h contextHandler) WithGroup(name string) slog.Handler {
	return contextHandler{h.Handler.WithGroup(name)}
}

// spanHandler adds the ids of the context's span to every line.
type spanHandler struct {
	slog.Handler
}

func (h spanHandler) Handle(ctx context.Context, record slog.Record) error {
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		record = record.Clone()
		record.AddAttrs(
			slog.String("trace_id", span.TraceID().String()),
			slog.String("span_id", span.SpanID().String()),
		)
	}
	return h.Handler.Handle(ctx, record)
}

func (h spanHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return spanHandler{h.Handler.WithAttrs(attrs)}
}

func (h spanHandler) WithGroup(name string) slog.Handler {
	return spanHandler{h.Handler.WithGroup(name)}
}

// bothHandler hands every record that is logged to an exporter as well.
type bothHandler struct {
	slog.Handler // decides what is logged

	export slog.Handler
}

func (h bothHandler) Handle(ctx context.Context, record slog.Record) error {
	return errors.Join(h.Handler.Handle(ctx, record), h.export.Handle(ctx, record))
}

func (h bothHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return bothHandler{h.Handler.WithAttrs(attrs), h.export.WithAttrs(attrs)}
}

func (h bothHandler) WithGroup(name string) slog.Handler {
	return bothHandler{h.Handler.WithGroup(name), h.export.WithGroup(name)}
}
