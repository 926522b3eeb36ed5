package extractor

import (
	"context"
	"fmt"
	"log/slog"

	"tapline.dev/schemas"
	"tapline.dev/services/extractor/internal/attempt"
	"tapline.dev/services/extractor/internal/chunk"
	"tapline.dev/services/extractor/internal/journal"
)

// mode is how an attempt reads.
type mode interface {
	// read reads what the journal does not hold yet and ends the attempt there. It
	// is called again after an error that passes.
	read(ctx context.Context) error
	// stopped is called in place of read once ctx has ended. It returns why, and
	// leaves no statement running that nobody wants.
	stopped(ctx context.Context) error
}

// modeOf is the only place that distinguishes modes.
func (s *Service) modeOf(a attempt.Attempt, j *journal.Journal, log *slog.Logger) (mode, error) {
	sessions := sessions{open: s.open, metrics: s.metrics.snowflake, statements: s.statements, resources: s.resources, attempt: a, log: log, idle: s.idle}
	extraction := extraction{
		cfg: s.cfg, attempt: a, journal: j, sessions: sessions, resources: s.resources, budget: s.budget, metrics: s.metrics, log: log,
		chunks: chunk.Config{Attempt: a, Topics: s.topics, MaxRow: chunk.MaxRow(int64(s.cfg.Kafka.MaxMessageBytes)), Spans: s.spans, Log: log},
	}
	past := &pastRuns{store: s.ledger, limit: s.cfg.LedgerLimit, attempt: a, journal: j, log: log, reader: s.reader, topics: s.topics}
	earlier := &earlier{reader: s.reader, topics: s.topics, attempt: a, limit: s.cfg.LedgerLimit, log: log}
	suppressed := s.suppressed.Checker(a.Run.Spec.Destination.AccountRef)
	if !a.Trial() {
		extraction.chunks.Suppressed = suppressed
	}
	switch a.Run.Mode {
	case schemas.ModeFull, schemas.ModeIncremental:
		return &window{extraction: extraction, past: past, earlier: earlier}, nil
	case schemas.ModeBackfill:
		return &window{extraction: extraction, earlier: earlier}, nil
	case schemas.ModeReconcile:
		return &reconcile{extraction: extraction, earlier: earlier, reader: s.reader, topics: s.topics}, nil
	case schemas.ModeDryRun:
		return &sample{extraction: extraction, reader: s.reader, topics: s.topics}, nil
	case schemas.ModePreview:
		return &preview{
			sessions: sessions, resources: s.resources, suppressed: suppressed, reader: s.reader, journal: j, attempt: a, topics: s.topics, maxRow: extraction.chunks.MaxRow, log: log,
		}, nil
	case schemas.ModeConnectionTest:
		return &connectionTest{sessions: sessions, journal: j, log: log, maxRecord: extraction.chunks.MaxRow}, nil
	case schemas.ModeTables:
		return &tables{sessions: sessions, journal: j, attempt: a, log: log, maxRecord: extraction.chunks.MaxRow}, nil
	case schemas.ModeResend:
		return &resend{
			resources: s.resources, suppressed: suppressed, reader: s.reader, journal: j, attempt: a, topics: s.topics, metrics: s.metrics, spans: s.spans, limit: s.cfg.LedgerLimit,
		}, nil
	case schemas.ModeReplay, schemas.ModeRepair:
		y := replay{
			resources: s.resources, sessions: sessions, chunks: extraction.chunks, suppressed: suppressed, reader: s.reader, journal: j, attempt: a, topics: s.topics,
			metrics: s.metrics, spans: s.spans, log: log, limit: s.cfg.LedgerLimit,
		}
		if a.Run.Mode == schemas.ModeRepair {
			return &repair{y}, nil
		}
		return &y, nil
	case schemas.ModeSync:
		return &sampleSync{
			resources: s.resources, suppressed: suppressed, reader: s.reader, journal: j, attempt: a, topics: s.topics, metrics: s.metrics, spans: s.spans,
		}, nil
	}
	return nil, fmt.Errorf("taking over: an attempt of mode %q is not understood", a.Run.Mode)
}
