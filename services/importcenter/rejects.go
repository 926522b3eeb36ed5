package importcenter

import (
	"tapline.dev/libs/kafka"
	"tapline.dev/services/importcenter/internal/catalog"
	"tapline.dev/services/importcenter/internal/rejects"
)

// rejectIndex is the index of the rejects topic. It answers once it runs.
func (s *Service) rejectIndex(cat *catalog.Catalog, reader *kafka.Reader) *rejects.Index {
	return rejects.New(rejects.Config{Directory: s.cfg.Rejects.Directory, Check: s.cfg.Rejects.CheckInterval}, rejects.Deps{
		Log: s.deps.Telemetry.Logger, Topics: s.topics, Source: reader,
		OpenTail: func(from map[kafka.TP]int64) (rejects.Tail, error) {
			return kafka.OpenTailWithMarkers(s.cfg.Kafka, s.kafka, from)
		},
		Known: func(importName string) rejects.Known {
			state, _ := cat.State(importName)
			known := rejects.Known{Dismissed: state.DismissedThrough}
			if state.Active != nil {
				known.Active = state.Active.Run
			}
			for _, r := range state.Replays {
				known.Unfinished = append(known.Unfinished, r.Number)
			}
			return known
		},
	})
}
