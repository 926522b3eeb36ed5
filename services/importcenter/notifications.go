package importcenter

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"time"

	"tapline.dev/libs/config"
	"tapline.dev/libs/egress"
	"tapline.dev/libs/kafka"
	"tapline.dev/services/importcenter/internal/api"
	"tapline.dev/services/importcenter/internal/catalog"
	"tapline.dev/services/importcenter/internal/notify"
)

// NotificationsConfig is about messages to people.
type NotificationsConfig struct {
	// Secrets bound what secret references in notifications may point to.
	Secrets config.References
	// Egress bounds which proxies and authorities notifications may name.
	Egress egress.Config
	// Hosts are the hosts that notifications may be sent to; any if there are none.
	Hosts []string
	// PageURL is where people open the web page, such as https://tapline.example.com:
	// messages link to it. Without it they hold no link.
	PageURL string
	// Every is the time between two looks at what is to be told.
	Every time.Duration
	// RetryMin and RetryMax bound the wait before a message is sent again.
	RetryMin, RetryMax time.Duration
}

// HeartbeatConfig is about a monitor outside of this deployment, which alarms when it hears
// nothing.
type HeartbeatConfig struct {
	// URL is what the monitor gives out; one Import Center asks it by GET, and only while
	// every due instant of every import is accounted for. Empty calls nobody.
	URL config.Secret
	// Every is the time between two calls. The monitor's own limit should be a few times
	// as long.
	Every time.Duration
}

func defaultNotifications() NotificationsConfig {
	return NotificationsConfig{
		// Not where the secrets of Import Center itself and of other services lie: whoever may
		// define a notification chooses the server that a password is sent to.
		Secrets: config.References{Directories: []string{"/run/secrets/notifications", "/etc/tapline/notifications"}, EnvPrefixes: []string{"TAPLINE_NOTIFY_"}},
		Egress:  egress.Default(), Every: 5 * time.Second, RetryMin: 2 * time.Second, RetryMax: 5 * time.Minute,
	}
}

// Validate reports what cannot work; Secrets and Egress validate their own.
func (c NotificationsConfig) Validate() error {
	var errs []error
	if u, err := url.Parse(c.PageURL); c.PageURL != "" && (err != nil || u.Hostname() == "" || strings.HasSuffix(c.PageURL, "/") || u.RawQuery != "" || u.Fragment != "") {
		errs = append(errs, config.Bad("pageUrl", "must be a URL without a slash at its end, such as https://tapline.example.com"))
	}
	if c.Every < 10*time.Millisecond {
		errs = append(errs, config.Bad("every", "must be at least 10ms"))
	}
	if c.RetryMin <= 0 || c.RetryMax < c.RetryMin {
		errs = append(errs, config.Bad("retryMax", "must be at least retryMin, which must be positive"))
	}
	return errors.Join(errs...)
}

// Validate reports what cannot work. It does not repeat the URL, which is a secret.
func (c HeartbeatConfig) Validate() error {
	var errs []error
	if c.URL != "" {
		if u, err := url.Parse(c.URL.Reveal()); err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http" {
			errs = append(errs, config.Bad("url", "must be an https URL, or a reference to one"))
		}
	}
	if c.Every <= 0 {
		errs = append(errs, config.Bad("every", "must be positive"))
	}
	return errors.Join(errs...)
}

func (s *Service) channels() notify.Channels {
	c := s.cfg.Notifications
	hosts := c.Hosts
	if s.cfg.LoopbackEndpointsOnly {
		hosts = []string{"127.0.0.1", "::1", "localhost"}
	}
	return notify.Channels{Secrets: c.Secrets, Egress: c.Egress, Hosts: hosts, AllowPlain: s.cfg.AllowCustomEndpoints}
}

// notifications sends messages and the heartbeat while this Import Center owns the topic.
func (s *Service) notifications(ctx context.Context, cat *catalog.Catalog, reader *kafka.Reader, cfg api.Config, deps api.Deps) error {
	settings := notify.Config{
		Every: s.cfg.Notifications.Every, PageURL: s.cfg.Notifications.PageURL, BeatEvery: s.cfg.Heartbeat.Every,
		RetryMin: s.cfg.Notifications.RetryMin, RetryMax: s.cfg.Notifications.RetryMax,
	}
	if s.cfg.Heartbeat.URL != "" {
		settings.Beat = s.channels().Beat(s.cfg.Heartbeat.URL)
	}
	return notify.Run(ctx, settings, notify.Deps{
		Kafka: s.cfg.Kafka, KafkaDeps: s.kafka, Topics: s.topics, Reader: reader, Catalog: cat, Log: s.deps.Telemetry.Logger, Now: deps.Now,
		Send: s.channels().Send, ExplainLate: api.Explainer(cfg, deps),
	})
}
