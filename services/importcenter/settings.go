package importcenter

import (
	"tapline.dev/services/importcenter/internal/api"
	"tapline.dev/services/importcenter/internal/store"
)

// settings are what the configuration says to the API.
func (s *Service) settings(signing signingIn) api.Config {
	required, _ := s.cfg.Auth.required() // Validate has refused what cannot be read
	return api.Config{
		Required: required, RoleNames: s.cfg.Auth.names(), AllowCustomEndpoints: s.cfg.AllowCustomEndpoints, LoopbackEndpointsOnly: s.cfg.LoopbackEndpointsOnly,
		Guard:         s.cfg.HTTP.guard(),
		AnswerTimeout: s.cfg.AnswerTimeout,
		MinInterval:   s.cfg.Schedules.MinInterval,
		CheckTimeout:  s.cfg.CheckTimeout, PreviewTimeout: s.cfg.PreviewTimeout,
		CreateTopics: s.cfg.Kafka.CreateTopics, SignIn: signing.info, TraceURL: s.cfg.TraceURL, Approvals: s.cfg.Approvals.forAPI(), Store: store.Store{Dir: s.cfg.Secrets.Store},
	}
}
